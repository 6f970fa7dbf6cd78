/* SPDX-License-Identifier: MIT */
#include "lib/heaps/repair.h"

#include "lib/books/accounts.h"
#include "lib/ground/vm.h"
#include "lib/heaps/family_pages.h"
#include "lib/pages/family.h"
#include "lib/pages/memory.h"

void lmm_repair_heap(struct lmm_heap *heap)
{
    lmm_lock_acquire(heap->lock);
    lmm_store_relaxed(&heap->reported, NULL);
    lmm_store_relaxed(&heap->complete, 0);
    for (size_t i = 0; i < LMM_BATCHES; i++) {
        heap->batch[i].page = NULL;
        heap->batch[i].count = 0;
    }
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_bin *bin = &heap->open.bins[i];
        bin->head = LMM_TAG_END;
        bin->page = NULL;
        if (bin->family_pages != NULL) {
            lmm_family_pages_rebuild(bin->family_pages);
        }
    }
    lmm_lock_release(heap->lock);
}

/* The live blocks of one site, counted by their tags. */
struct tally {
    uint64_t blocks;
    uint64_t extra; /* lmm_family_extra() */
};

static int tally_page(struct lmm_page *page, void *arg)
{
    struct lmm_family *family = lmm_families_at(page->family);
    struct lmm_runs *runs = &family->runs;
    struct tally *tally = arg;
    struct lmm_extent extent;

    lmm_lock_acquire(&runs->lock);
    for (size_t slot = 0; slot < lmm_run_extents_end(page); slot += extent.length) {
        extent = lmm_run_extent_locked(runs, page, slot);
        if (lmm_tag_state(extent.tag) == LMM_TAG_LIVE) {
            uint32_t site = lmm_tag_site(extent.tag);
            tally[site].blocks++;
            tally[site].extra += lmm_family_extra(family, extent.tag, extent.used);
        }
    }
    lmm_lock_release(&runs->lock);
    return 0;
}

/* Computes the frees or the allocations that must be added for allocated - freed to be live. */
static void settle_difference(uint64_t allocated, uint64_t freed, uint64_t live,
                              uint64_t *ret_allocated, uint64_t *ret_freed)
{
    int64_t difference = (int64_t) (allocated - freed - live);

    *ret_freed = difference > 0 ? (uint64_t) difference : 0;
    *ret_allocated = difference < 0 ? (uint64_t) -difference : 0;
}

static void correct_site(uint32_t site, const struct tally *tally)
{
    struct lmm_ledger_row delta;

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_row sum = lmm_rows_sum_locked(site);
    lmm_lock_release(&lmm_chunks_lock);
    settle_difference(sum.allocated_blocks, sum.freed_blocks, tally->blocks,
                      &delta.allocated_blocks, &delta.freed_blocks);
    settle_difference(sum.allocated_extra, sum.freed_extra, tally->extra, &delta.allocated_extra,
                      &delta.freed_extra);
    lmm_rows_count_shared(site, &delta);
}

static int recount_page(struct lmm_page *page, void *arg)
{
    struct lmm_ledger_family *record = lmm_families_at(page->family)->record;

    (void) arg;
    lmm_accounts_count_page(record, 1, lmm_page_facts(page)->units * (size_t) LMM_UNIT_BYTES,
                            page->slots);
    lmm_accounts_count_committed(record, (int64_t) lmm_memory_committed_bytes(page));
    return 0;
}

void lmm_repair_books(void)
{
    uint32_t sites = lmm_accounts_site_count();
    size_t bytes = sites * sizeof(struct tally);

    /* The books were copied before the fork, the pages later: the gauges may differ from them. */
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        struct lmm_family *family = lmm_families_at(i);
        struct lmm_ledger_family *record = family->record;
        lmm_runs_release_cached(&family->runs);
        record->pages = record->mapped_bytes = record->slots = record->committed_bytes = 0;
    }
    lmm_page_for_each(recount_page, NULL);
    struct tally *tally = lmm_vm_map(bytes);
    if (tally == NULL) {
        lmm_warn("no memory to correct the books after fork: counts may be off by a few blocks");
        return;
    }
    lmm_page_for_each(tally_page, tally);
    for (uint32_t site = 0; site < sites; site++) {
        correct_site(site, &tally[site]);
    }
    lmm_vm_unmap(tally, bytes);
}
