/* SPDX-License-Identifier: MIT */
/* page_walk, page_walks: a walk's result in the books; what a trim gives back; failing memory; threads. */
#include "tests/support/seam.h"

#include "lib/books/chunks.h"
#include "lib/books/page_walks.h"
#include "lib/heaps/fork.h"
#include "lib/leaks/page_walk.h"
#include "lib/pages/page_use.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <string.h>

struct cell {
    char bytes[64];
};

enum { CELLS = 100000, STEP = 64 };

static struct cell *cells[CELLS];

static void make_cells(void)
{
    for (size_t i = 0; i < CELLS; i++) {
        cells[i] = LMM_ALLOC(struct cell);
        cr_assert(cells[i] != NULL);
    }
}

/* Each 64th stays, one on each system page. */
static void thin_out(void)
{
    for (size_t i = 0; i < CELLS; i++) {
        if (i % STEP != 0) {
            lmm_free(cells[i]);
            cells[i] = NULL;
        }
    }
}

/* The record of the valid turn with most sparse bytes. */
static struct lmm_ledger_page_use largest(void)
{
    struct lmm_ledger_view view = lmm_chunks_view();
    uint32_t kind = LMM_LEDGER_PAGES_EVEN + (uint32_t) (view.header->page_walk_count % 2);
    uint32_t left = lmm_page_walks_last().records;
    struct lmm_ledger_page_use found = {0};

    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        const struct lmm_ledger_page_use *records = (const void *) (chunk + 1);

        for (uint32_t k = 0; chunk->kind == kind && k < chunk->used && left != 0; k++, left--) {
            found = records[k].sparse_bytes >= found.sparse_bytes ? records[k] : found;
        }
    }
    return found;
}

Test(page_walk, one_block_on_each_system_page)
{
    const uint64_t pages = (CELLS + STEP - 1) / STEP;

    make_cells();
    thin_out();
    cr_assert_eq(lmm_page_walk_run(LMM_LEDGER_PAGES_AT_EXIT), 0);
    struct lmm_ledger_page_walk last = lmm_page_walks_last();
    struct lmm_ledger_page_use record = largest();

    cr_expect_eq(lmm_chunks_header()->page_walk_count, 1);
    cr_expect(last.failure == 0 && last.time_ns != 0 && last.flags == LMM_LEDGER_PAGES_AT_EXIT);
    cr_expect_eq(record.blocks, pages);
    cr_expect_eq(record.sparse_blocks, pages);
    cr_expect_eq(record.sparse_live_bytes, pages * sizeof(struct cell));
    cr_expect_eq(record.sparse_bytes, pages * LMM_SYSTEM_PAGE_BYTES);
}

/* The figure is what a trim gives back, and afterwards nothing is left to give back. */
Test(page_walk, a_trim_gives_back_what_the_walk_said)
{
    make_cells();
    thin_out();
    for (size_t i = 0; i < CELLS; i += (size_t) 2 * STEP) {
        lmm_free(cells[i]);
    }
    cr_assert_eq(lmm_page_walk_run(0), 0);
    struct lmm_ledger_page_walk before = lmm_page_walks_last();
    lmm_trim();
    cr_assert_eq(lmm_page_walk_run(0), 0);
    struct lmm_ledger_page_walk after = lmm_page_walks_last();

    cr_expect_gt(before.returnable_bytes, 2 << 20);
    cr_expect_eq(after.committed_bytes, before.committed_bytes - before.returnable_bytes);
    cr_expect_eq(after.returnable_bytes, 0);
    cr_expect_eq(after.sparse_bytes, before.sparse_bytes);
}

/* Pages that were given back wait in the reservoir with their memory. */
Test(page_walk, the_reservoir_can_be_given_back)
{
    make_cells();
    thin_out();
    for (size_t i = 0; i < CELLS; i += STEP) {
        lmm_free(cells[i]);
    }
    cr_assert_eq(lmm_page_walk_run(0), 0);
    struct lmm_ledger_page_walk last = lmm_page_walks_last();
    cr_expect_gt(last.returnable_bytes, 4 << 20);
    cr_expect_eq(last.committed_bytes, last.returnable_bytes + last.held_bytes);
}

Test(page_walk, a_result_takes_the_turn_that_is_not_valid)
{
    const struct lmm_ledger_header *header;

    make_cells();
    header = lmm_chunks_header();
    for (uint64_t i = 1; i <= 3; i++) {
        cr_assert_eq(lmm_page_walk_run(0), 0);
        cr_expect_eq(header->page_walk_count, i);
        cr_expect_eq(header->page_walk[i % 2].records, lmm_page_walks_last().records);
        cr_expect_eq(largest().blocks, CELLS);
    }
}

Test(page_walk, a_caller_that_interrupts_lmm_is_refused)
{
    make_cells();
    lmm_lock_acquire(&lmm_chunks_lock);
    cr_expect_eq(lmm_page_walk_run(0), -EDEADLK);
    lmm_lock_release(&lmm_chunks_lock);
    cr_expect_eq(lmm_chunks_header()->page_walk_count, 0);
    cr_expect_eq(lmm_page_walks_last().time_ns, 0);
}

Test(page_walk, without_memory_the_walk_has_failed)
{
    make_cells();
    seam_install();
    seam_fail_all(SEAM_MAP);
    cr_expect_eq(lmm_page_walk_run(0), -ENOMEM);
    seam_heal();
    cr_expect_eq(lmm_page_walks_last().failure, ENOMEM);
    cr_expect_eq(lmm_page_walks_last().records, 0);
    cr_expect_eq(lmm_page_walk_run(0), 0);
    cr_expect_eq(lmm_page_walks_last().failure, 0);
}

/* ---- Threads -------------------------------------------------------------------------------------- */

static bool is_over; /* atomic */

static void *churn(void *arg)
{
    enum { BLOCKS = 500 };
    void *blocks[BLOCKS] = {0};
    unsigned seed = (unsigned) (uintptr_t) arg;

    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        seed = seed * 1103515245 + 12345;
        size_t at = seed / 65536 % BLOCKS;
        lmm_free(blocks[at]);
        blocks[at] = seed / 131072 % 4 == 0
                         ? (void *) LMM_NEW_ARRAY(struct cell, seed / 65536 % 300 + 2)
                         : (void *) LMM_ALLOC(struct cell);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        lmm_free(blocks[i]);
    }
    return NULL;
}

/* The pages at rest are counted right, whatever others do meanwhile. */
Test(page_walk, threads_go_on)
{
    enum { THREADS = 3, WALKS = 60 };
    pthread_t threads[THREADS];

    make_cells();
    for (uintptr_t i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, churn, (void *) (i + 1)), 0);
    }
    for (size_t i = 0; i < WALKS; i++) {
        cr_assert_eq(lmm_page_walk_run(0), 0);
        struct lmm_ledger_page_walk last = lmm_page_walks_last();
        cr_expect_geq(last.live_bytes, CELLS * sizeof(struct cell));
        cr_expect_leq(last.sparse_bytes, last.held_bytes);
        cr_expect_leq(last.returnable_bytes, last.committed_bytes);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(lmm_page_walk_run(0), 0);
    cr_expect_eq(lmm_page_walks_last().live_bytes, CELLS * sizeof(struct cell));
}
