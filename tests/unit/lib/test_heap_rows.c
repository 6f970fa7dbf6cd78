/* SPDX-License-Identifier: MIT */
/* heap_rows: which counters a heap's allocations and frees change. */
#include "lib/heaps/heap.h"
#include "lib/heaps/start.h"
#include "lib/pages/family.h"

#include <criterion/criterion.h>

static struct lmm_heap heap;

static void start(void)
{
    cr_assert(lmm_start());
}

/* Whatever site a page foretells, each free counts at the site of its block. */
Test(heap_rows, counts_each_free_at_its_site, .init = start)
{
    enum { SIZE = 64, SITES = 3, ROUNDS = 5, FREES = LMM_UNIT_BYTES / SIZE / 2 };
    static void *blocks[FREES];
    struct lmm_family *family = lmm_families_add("f", SIZE, 1, false);
    uint32_t site[SITES];
    uint64_t freed[SITES] = {0};
    struct lmm_page *page;

    for (uint32_t i = 0; i < SITES; i++) {
        site[i] = lmm_site_intern(family->index, &family->sites, __FILE__, i + 1, __func__);
    }
    cr_assert(lmm_heap_init(&heap, 100, false, false));
    cr_assert(lmm_heap_open_sites(&heap));
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < FREES; i++) {
            size_t k = round % 2 == 0 ? round % SITES : i % SITES;
            cr_assert(lmm_heap_row(&heap, site[k]) != NULL);
            do {
                blocks[i] = lmm_heap_pop(&heap.open, site[k], family->index, false);
            } while (blocks[i] == NULL && lmm_heap_refill(&heap, family));
            freed[k]++;
        }
        if (lmm_page_near((uintptr_t) blocks[0]) == NULL) {
            cr_skip_test("the kernel's addresses are outside of the window of lmm_heap_push()");
        }
        for (size_t i = 0; i < FREES; i++) {
            enum lmm_push push = lmm_heap_push(&heap.open, blocks[i], false, &page);
            cr_assert(push == LMM_PUSH_DONE || push == LMM_PUSH_EVENT, "round %zu, free %zu: %d",
                      round, i, (int) push);
            if (push == LMM_PUSH_EVENT) {
                lmm_heap_page_event(&heap, page);
            }
        }
        lmm_lock_acquire(heap.lock);
        cr_expect(lmm_heap_is_valid(&heap), "round %zu", round);
        lmm_lock_release(heap.lock);
    }
    for (uint32_t i = 0; i < SITES; i++) {
        cr_expect(lmm_heap_row(&heap, site[i])->freed_blocks == freed[i], "site %u", i);
    }
}
