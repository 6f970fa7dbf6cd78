/* SPDX-License-Identifier: MIT */
/* heap_rows: which counters a heap's allocations and frees change. */
#include "lib/ground/vm.h"
#include "lib/heaps/heap.h"
#include "lib/heaps/start.h"
#include "lib/pages/family.h"

#include <criterion/criterion.h>

static struct lmm_heap heap;

/* Fills the holes between the runner's mappings in which a chunk of pages has room, but not the descriptors of
 * its window, which the kernel then puts far below: lmm_heap_push() takes blocks of the window only. */
static void fill_holes(void)
{
    enum { DESCRIPTOR_BYTES = 64 << 20, CHUNK_BYTES = 4 << 20 };
    void *below = lmm_vm_map(DESCRIPTOR_BYTES);
    void *filler;

    cr_assert(below != NULL);
    do {
        filler = lmm_vm_map(CHUNK_BYTES);
        cr_assert(filler != NULL);
    } while ((uintptr_t) filler > (uintptr_t) below);
    lmm_vm_unmap(filler, CHUNK_BYTES);
    lmm_vm_unmap(below, DESCRIPTOR_BYTES);
}

static void start(void)
{
    fill_holes();
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
