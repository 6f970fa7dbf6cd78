/* SPDX-License-Identifier: MIT */
/* readable: what is known of a long block's pages, and that a scan which knows it finds the same pointers. */
#include "lib/leaks/present.h"
#include "lib/leaks/ranges.h"
#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <lmm/ledger.h>
#include <lmm/lmm.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct block_graph_block block;
static struct block_graph_block target;
static struct lmm_marker marker;
static struct lmm_ranges ranges;
static struct lmm_present present;

/* Returns a system page in the block, all of which is touched. */
static char *make_page(void)
{
    block_graph_make_block(&block, 1, 's', 0);
    block_graph_make_block(&target, 2, 'n', 0);
    memset(block.start, 1, block.bytes);
    return block.start + (size_t) 20 * LMM_SYSTEM_PAGE_BYTES;
}

static void learn(bool unaligned)
{
    const struct lmm_marker_settings settings = {.heuristics = LMM_HEURISTICS_ALL,
                                                 .unaligned = unaligned};

    cr_assert(lmm_ranges_read(&ranges, false) == 0);
    lmm_present_open(&present);
    cr_assert(lmm_marker_init(&marker, &settings));
    lmm_scan_learn(&marker.scan, &ranges, &present);
    cr_expect(lmm_readable_is_valid(&marker.scan.readable));
}

static void forget(void)
{
    lmm_marker_end(&marker);
    lmm_present_close(&present);
    lmm_ranges_free(&ranges);
}

static void free_all(void)
{
    lmm_free(block.start);
    lmm_free(target.start);
}

static bool is_held(const char *page)
{
    return lmm_readable_is_held(&marker.scan.readable, (uintptr_t) page);
}

static bool is_empty(const char *page)
{
    return lmm_readable_is_empty(&marker.scan.readable, (uintptr_t) page);
}

static bool reaches_target(void)
{
    lmm_marker_root_word(&marker, (uintptr_t) block.start);
    lmm_marker_run(&marker);
    return lmm_marker_kind(&marker, (uintptr_t) target.start) == LMM_LEDGER_LEAK_REACHABLE;
}

/* A page that was touched, whose neighbours were given back. */
Test(readable, pages_with_and_without_memory)
{
    char *page = make_page();

    memcpy(page + 8, &target.start, sizeof(target.start));
    cr_assert(madvise(page - LMM_SYSTEM_PAGE_BYTES, LMM_SYSTEM_PAGE_BYTES, MADV_DONTNEED) == 0);
    cr_assert(madvise(page + LMM_SYSTEM_PAGE_BYTES, LMM_SYSTEM_PAGE_BYTES, MADV_DONTNEED) == 0);
    learn(false);
    cr_expect(is_held(page) && !is_empty(page));
    cr_expect(is_empty(page - 1) && !is_held(page - 1));
    cr_expect(is_empty(page + LMM_SYSTEM_PAGE_BYTES) && !is_held(page + LMM_SYSTEM_PAGE_BYTES));
    cr_expect(!is_empty(page - LMM_SYSTEM_PAGE_BYTES - 1) &&
              is_held(page - LMM_SYSTEM_PAGE_BYTES - 1));
    cr_expect(!is_held((char *) &block) && !is_empty((char *) &block), "not in a block");
    cr_expect(reaches_target());
    forget();
    free_all();
}

/* The pages without memory are not even touched, unless words at any address count. */
Test(readable, pages_without_memory_stay_so)
{
    char *page = make_page();
    unsigned char resident = 1;

    for (int unaligned = 0; unaligned < 2; unaligned++) {
        cr_assert(madvise(page, LMM_SYSTEM_PAGE_BYTES, MADV_DONTNEED) == 0);
        learn(unaligned != 0);
        cr_expect(!reaches_target());
        forget();
        cr_assert(mincore(page, LMM_SYSTEM_PAGE_BYTES, &resident) == 0);
        cr_expect((resident & 1) == (unsigned) unaligned);
    }
    free_all();
}

/* Nothing is known of a page that cannot be read, and it is not read. */
Test(readable, pages_that_cannot_be_read)
{
    char *page = make_page();

    memcpy(page + 8, &target.start, sizeof(target.start));
    cr_assert(mprotect(page, LMM_SYSTEM_PAGE_BYTES, PROT_NONE) == 0);
    learn(false);
    cr_expect(!is_held(page) && !is_empty(page));
    cr_expect(is_held(page - 1) && is_held(page + LMM_SYSTEM_PAGE_BYTES));
    cr_expect(!reaches_target());
    forget();
    cr_assert(mprotect(page, LMM_SYSTEM_PAGE_BYTES, PROT_READ | PROT_WRITE) == 0);
    free_all();
}

/* Of a file that the program has mapped into a block, and did not touch, nothing is known; its words count. */
Test(readable, pages_of_a_file)
{
    char *page = make_page();
    int file = memfd_create("words", 0);

    cr_assert(file >= 0 && ftruncate(file, LMM_SYSTEM_PAGE_BYTES) == 0);
    cr_assert(pwrite(file, &target.start, sizeof(target.start), 64) == sizeof(target.start));
    for (int i = 0; i < 2; i++) {
        int flags = i == 0 ? MAP_PRIVATE : MAP_SHARED;
        cr_assert(mmap(page, LMM_SYSTEM_PAGE_BYTES, PROT_READ, flags | MAP_FIXED, file, 0) == page);
        learn(false);
        cr_expect(!is_held(page) && !is_empty(page));
        cr_expect(reaches_target());
        forget();
    }
    cr_assert(mmap(page, LMM_SYSTEM_PAGE_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
    close(file);
    free_all();
}
