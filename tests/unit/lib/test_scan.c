/* SPDX-License-Identifier: MIT */
/* scan: many blocks at once, blocks in any order, blocks that cannot be read. */
#include "lib/ground/vm.h"
#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <lmm/ledger.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCKS = 2000 };

static struct block_graph_block blocks[BLOCKS];
static char *roots[BLOCKS];
static struct block_graph_block target;

static void make_blocks(size_t count, char kind, size_t number)
{
    for (size_t i = 0; i < count; i++) {
        block_graph_make_block(&blocks[i], 1, kind, number);
    }
    block_graph_make_block(&target, 2, 'n', 0);
}

static void free_blocks(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lmm_free(blocks[i].start);
        blocks[i].start = NULL;
    }
    lmm_free(target.start);
}

static struct lmm_marker marker;

/* Marks from the roots; returns the kind of the target. */
static uint32_t mark(size_t root_count)
{
    static const struct lmm_marker_settings settings = {.heuristics = 0};

    cr_assert(lmm_marker_init(&marker, &settings));
    lmm_marker_root(&marker, roots, roots + root_count);
    lmm_marker_run(&marker);
    uint32_t kind = lmm_marker_kind(&marker, (uintptr_t) target.start);
    cr_expect(lmm_marker_is_valid(&marker) && lmm_scan_is_valid(&marker.scan));
    return kind;
}

/* Only one of many blocks has the pointer, each in turn. */
Test(scan, a_word_of_one_of_many_blocks)
{
    static const struct {
        char kind;
        size_t number;
        size_t offset;
        bool counts;
    } cases[] = {
        {'n', 0, 0, true},    {'n', 0, 40, true},   {'n', 0, 36, false},  {'b', 20, 8, true},
        {'b', 20, 16, false}, {'b', 20, 12, false}, {'b', 24, 16, true},  {'b', 24, 24, false},
        {'b', 31, 24, false}, {'b', 7, 0, false},   {'b', 8, 0, true},    {'r', 3, 136, true},
        {'f', 0, 0, false},   {'i', 0, 40, true},   {'b', 100, 88, true}, {'b', 100, 96, false},
    };
    enum { COUNT = 200 };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_blocks(COUNT, cases[i].kind, cases[i].number);
        for (size_t j = 0; j < COUNT; j++) {
            roots[j] = blocks[j].start;
        }
        for (size_t j = 0; j < COUNT; j += 13) {
            char *place = blocks[j].start + cases[i].offset;
            memcpy(place, &target.start, sizeof(target.start));
            uint32_t expected =
                cases[i].counts ? LMM_LEDGER_LEAK_REACHABLE : LMM_LEDGER_LEAK_DEFINITE;
            cr_expect(mark(COUNT) == expected, "case %zu, block %zu", i, j);
            lmm_marker_end(&marker);
            memset(place, 0, 8);
        }
        free_blocks(COUNT);
    }
}

/* Blocks of 100 bytes at multiples of 4: words of two blocks, and slots that are free or not reached. */
Test(scan, words_of_neighbours)
{
    enum { COUNT = 500, SIZE = 100 };
    struct lmm_family *family = lmm_family_register("hundred", SIZE, 4);
    uint64_t word;

    make_blocks(0, 'n', 0);
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i].start = lmm_zalloc(family);
        roots[i] = blocks[i].start;
        cr_assert(i == 0 || blocks[i].start == blocks[i - 1].start + SIZE);
    }
    /* Half in a block, half in the next one. */
    for (size_t i = 1; i < COUNT; i += 2) {
        uintptr_t border = (uintptr_t) blocks[i].start;
        word = (uintptr_t) target.start;
        if (border % 8 == 4) {
            memcpy((void *) (border - 4), &word, sizeof(word));
        }
    }
    cr_expect(mark(COUNT) == LMM_LEDGER_LEAK_DEFINITE, "words of two blocks");
    lmm_marker_end(&marker);
    /* In blocks that are not reached, which are some of those between the others. */
    for (size_t i = 0; i < COUNT; i++) {
        memset(blocks[i].start, 0, SIZE);
        roots[i] = i % 3 == 0 ? NULL : blocks[i].start;
        uintptr_t place = lmm_round_up((uintptr_t) blocks[i].start, 8);
        word = i % 3 == 0 ? (uintptr_t) target.start : 0;
        memcpy((void *) place, &word, sizeof(word));
    }
    cr_expect(mark(COUNT) == LMM_LEDGER_LEAK_DEFINITE, "blocks not reached");
    lmm_marker_end(&marker);
    for (size_t i = 0; i < COUNT; i += 3) {
        lmm_free(blocks[i].start);
        blocks[i].start = NULL;
    }
    cr_expect(mark(COUNT) == LMM_LEDGER_LEAK_DEFINITE, "free slots");
    lmm_marker_end(&marker);
    uintptr_t place = lmm_round_up((uintptr_t) blocks[COUNT - 1].start + SIZE - 16, 8);
    memcpy((void *) place, &target.start, sizeof(target.start));
    cr_expect(mark(COUNT) == LMM_LEDGER_LEAK_REACHABLE, "a reached block");
    lmm_marker_end(&marker);
    free_blocks(COUNT);
}

static size_t reached(void)
{
    size_t count = 0;

    for (size_t i = 0; i < BLOCKS; i++) {
        count += lmm_marker_kind(&marker, (uintptr_t) blocks[i].start) == LMM_LEDGER_LEAK_REACHABLE;
    }
    return count;
}

/* Links the blocks in the order i -> i + step, modulo their number, to a list from block 0 on. */
static void link_by(size_t step)
{
    for (size_t i = 0, at = 0; i < BLOCKS; i++) {
        size_t next = (at + step) % BLOCKS;
        char *to = i + 1 < BLOCKS ? blocks[next].start : target.start;
        memcpy(blocks[at].start, &to, sizeof(to));
        at = next;
    }
}

Test(scan, lists_in_any_order)
{
    static const size_t steps[] = {1, BLOCKS - 1, 7, 63, BLOCKS - 67, 999};

    make_blocks(BLOCKS, 'n', 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        link_by(steps[i]);
        roots[0] = blocks[0].start;
        cr_expect(mark(1) == LMM_LEDGER_LEAK_REACHABLE && reached() == BLOCKS, "step %zu",
                  steps[i]);
        cr_expect(marker.scan.bytes <= (BLOCKS + 1) * 48 + 8, "each block is read once");
        lmm_marker_end(&marker);
        roots[0] = NULL;
        cr_expect(mark(1) == LMM_LEDGER_LEAK_DEFINITE && reached() == 0);
        lmm_marker_end(&marker);
    }
    free_blocks(BLOCKS);
}

/* More blocks wait at one time than the ring holds: a block that leads to all, backwards and forwards. */
Test(scan, many_blocks_wait)
{
    struct lmm_family *family = lmm_family_register("pointers", BLOCKS * sizeof(char *), 8);
    char **all = lmm_zalloc(family);

    make_blocks(BLOCKS, 'n', 0);
    for (int backwards = 0; backwards < 2; backwards++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            all[i] = blocks[backwards != 0 ? BLOCKS - 1 - i : i].start;
            memset(blocks[i].start, 0, 48);
        }
        memcpy(blocks[BLOCKS / 2].start + 8, &target.start, sizeof(target.start));
        roots[0] = (char *) all;
        cr_expect(mark(1) == LMM_LEDGER_LEAK_REACHABLE && reached() == BLOCKS);
        lmm_marker_end(&marker);
    }
    free_blocks(BLOCKS);
    lmm_free(all);
}

/* A page that the program made inaccessible inside a block is not read; all around it is. */
Test(scan, pages_that_cannot_be_read)
{
    static const struct {
        size_t offset; /* of the pointer, from the page's start */
        bool counts;
    } cases[] = {{0, false}, {4088, false}, {(size_t) -8, true}, {4096, true}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_blocks(1, 's', 0);
        char *page = blocks[0].start + (size_t) 20 * LMM_SYSTEM_PAGE_BYTES;
        memcpy(page + cases[i].offset, &target.start, sizeof(target.start));
        cr_assert(mprotect(page, LMM_SYSTEM_PAGE_BYTES, PROT_NONE) == 0);
        roots[0] = blocks[0].start;
        uint32_t expected = cases[i].counts ? LMM_LEDGER_LEAK_REACHABLE : LMM_LEDGER_LEAK_DEFINITE;
        cr_expect(mark(1) == expected, "case %zu", i);
        lmm_marker_end(&marker);
        cr_assert(mprotect(page, LMM_SYSTEM_PAGE_BYTES, PROT_READ | PROT_WRITE) == 0);
        free_blocks(1);
    }
}

/* Gaps are never touched: here they cannot be read either. Blocks of 48 bytes lie across their edges. */
Test(scan, gaps)
{
    enum { COUNT = 400 };
    static const struct {
        size_t at; /* a word, from the gap's start */
        bool counts;
    } cases[] = {{0, false}, {2048, false}, {4088, false}, {4096, true}, {(size_t) -8, true}};

    make_blocks(COUNT, 'n', 0);
    char *gap = (char *) lmm_round_up((uintptr_t) blocks[10].start, LMM_SYSTEM_PAGE_BYTES);
    cr_assert(blocks[COUNT - 1].start == blocks[0].start + (size_t) (COUNT - 1) * 48);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static const struct lmm_marker_settings settings = {.heuristics = LMM_HEURISTICS_ALL};
        memcpy(gap + cases[i].at, &target.start, sizeof(target.start));
        cr_assert(lmm_marker_init(&marker, &settings));
        lmm_graph_add_gap(&marker.scan.graph, 4096, 8192);
        lmm_graph_add_gap(&marker.scan.graph, (uintptr_t) gap,
                          (uintptr_t) gap + LMM_SYSTEM_PAGE_BYTES);
        cr_expect(marker.scan.graph.gap_count == 1, "one is in no page");
        cr_assert(mprotect(gap, LMM_SYSTEM_PAGE_BYTES, PROT_NONE) == 0);
        for (size_t j = 0; j < COUNT; j++) {
            lmm_marker_root_word(&marker, (uintptr_t) blocks[j].start + j % 2 * 8);
            lmm_marker_root_word(&marker, (uintptr_t) blocks[j].start);
        }
        lmm_marker_run(&marker);
        cr_expect((lmm_marker_kind(&marker, (uintptr_t) target.start) ==
                   LMM_LEDGER_LEAK_REACHABLE) == cases[i].counts,
                  "case %zu", i);
        cr_assert(mprotect(gap, LMM_SYSTEM_PAGE_BYTES, PROT_READ | PROT_WRITE) == 0);
        memset(gap + cases[i].at, 0, sizeof(uintptr_t));
        lmm_marker_end(&marker);
    }
    free_blocks(COUNT);
}

/* More gaps than are kept: their pages are not read, and the check is told. */
Test(scan, too_many_gaps)
{
    static const struct lmm_marker_settings settings = {.heuristics = 0};

    make_blocks(1, 'n', 0);
    cr_assert(lmm_marker_init(&marker, &settings));
    for (size_t i = 0; i < 10000; i++) {
        lmm_graph_add_gap(&marker.scan.graph, (uintptr_t) blocks[0].start + i,
                          (uintptr_t) blocks[0].start + i + 1);
    }
    cr_expect(marker.scan.graph.damaged != 0 && marker.scan.graph.gap_count < 10000);
    lmm_marker_end(&marker);
    free_blocks(1);
}
