/* SPDX-License-Identifier: MIT */
/* scan_leaves: which blocks have no word that may be an address. */
#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <string.h>

enum { COUNT = 200, PLACES = 3 };

static struct block_graph_block blocks[COUNT];
static struct block_graph_block target;
static struct lmm_scan scan;

static void no_other(struct lmm_scan *unused, uintptr_t word)
{
    (void) unused;
    (void) word;
}

static void start(bool unaligned)
{
    cr_assert(lmm_scan_init(&scan, unaligned, no_other));
}

static struct lmm_graph_block find(size_t block)
{
    struct lmm_graph_block found;

    cr_assert(lmm_graph_find(&scan.graph, (uintptr_t) blocks[block].start, &found));
    return found;
}

/* The live blocks of the 64 slots around the block's, and its own bit. */
static uint64_t neighbours(const struct lmm_graph_block *block, uint64_t *ret_bit)
{
    *ret_bit = (uint64_t) 1 << (block->slot % 64);
    return lmm_graph_plane(block->page, LMM_PLANE_STARTS)[block->slot / 64];
}

/* kind: as in block_graph.h; or 'h': 100 bytes at a multiple of 4. */
static void make_blocks(char kind, size_t number)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (kind == 'h') {
            blocks[i].start = lmm_zalloc(lmm_family_register("hundred", 100, 4));
        } else {
            block_graph_make_block(&blocks[i], 1, kind, number);
        }
    }
    block_graph_make_block(&target, 2, 'n', 0);
}

static void free_blocks(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        lmm_free(blocks[i].start);
    }
    lmm_free(target.start);
}

/* One of many blocks has the address of another: asked about all together, and about it alone. */
Test(scan_leaves, a_block_with_an_address)
{
    static const struct {
        char kind;
        size_t number;
        size_t offset; /* of the address, from the first multiple of 8 in the block */
        bool is_leaf;
    } cases[] = {
        {'n', 0, 0, false},  {'n', 0, 40, false},  {'n', 0, 36, true},  {'b', 20, 8, false},
        {'b', 20, 16, true}, {'b', 24, 16, false}, {'b', 24, 24, true}, {'b', 7, 0, true},
        {'f', 0, 0, true},   {'h', 0, 0, false},   {'h', 0, 56, false}, {'h', 0, 64, false},
        {'h', 0, 88, false}, {'h', 0, 84, true},
    };
    static const size_t places[PLACES] = {0, 70, COUNT - 1};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * PLACES; i++) {
        size_t place = places[i % PLACES];
        bool is_leaf = cases[i / PLACES].is_leaf;
        uint64_t bit;
        make_blocks(cases[i / PLACES].kind, cases[i / PLACES].number);
        char *first = (char *) lmm_round_up((uintptr_t) blocks[place].start, 8);
        memcpy(first + cases[i / PLACES].offset, &target.start, sizeof(target.start));
        start(false);
        struct lmm_graph_block block = find(place);
        uint64_t all = neighbours(&block, &bit);
        uint64_t expected = is_leaf ? all : all & ~bit;
        cr_expect(lmm_scan_leaves(&scan, block.page, block.slot / 64, all) == expected,
                  "case %zu, block %zu", i / PLACES, place);
        cr_expect(lmm_scan_leaves(&scan, block.page, block.slot / 64, bit) == (is_leaf ? bit : 0),
                  "case %zu, block %zu alone", i / PLACES, place);
        lmm_scan_end(&scan);
        free_blocks();
    }
}

/* Of these nothing is said, although they have no address. */
Test(scan_leaves, blocks_that_are_not_looked_at)
{
    static const struct {
        const char *what;
        char kind;
        bool unaligned;
        bool has_gap;
    } cases[] = {
        {"arrays", 'r', false, false},
        {"words at any address", 'n', true, false},
        {"memory that may not be read", 'n', false, true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t bit;
        make_blocks(cases[i].kind, 3);
        start(cases[i].unaligned);
        struct lmm_graph_block block = find(0);
        if (cases[i].has_gap) {
            lmm_graph_add_gap(&scan.graph, block.start, block.start + 1);
        }
        uint64_t all = neighbours(&block, &bit);
        cr_expect(all != 0 && lmm_scan_leaves(&scan, block.page, block.slot / 64, all) == 0, "%s",
                  cases[i].what);
        lmm_scan_end(&scan);
        free_blocks();
    }
}
