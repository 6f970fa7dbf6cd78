/* SPDX-License-Identifier: MIT */
#include "lib/heaps/foreign.h"

#include "lib/ground/panic.h"

/* Links the batch's slots, the last one first. Panics when another thread that freed the same block
 * has overwritten its mark. */
static void link_batch(const struct lmm_heap *heap, const struct lmm_batch *batch)
{
    struct lmm_page *page = batch->page;
    uint32_t mark = lmm_foreign_mark(heap);
    uint32_t next = LMM_TAG_END;

    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t slot = batch->slot[i];
        if (LMM_UNLIKELY(lmm_load_relaxed(&page->tags[slot]) != mark)) {
            char what[LMM_FAMILY_BLOCK_BYTES];
            lmm_family_describe(lmm_families_at(page->family), LMM_SITE_NONE, what);
            lmm_panic("double free: %p (%s)", (void *) lmm_page_slot(page, slot), what);
        }
        lmm_store_relaxed(&page->tags[slot], next);
        next = slot;
    }
}

static void hand_over(struct lmm_heap *heap, struct lmm_batch *batch)
{
    struct lmm_page *page = batch->page;
    struct lmm_heap *owner = lmm_load_relaxed(&page->owner);
    uint64_t old = lmm_load_relaxed(&page->foreign);
    uint32_t head = batch->slot[batch->count - 1];
    /* Before the batch is handed over: then the page may end. */
    uint32_t missing = page->slots - lmm_slots_free_count(page);
    struct lmm_family *family = lmm_families_at(page->family);
    uint32_t old_count;

    link_batch(heap, batch);
    do {
        old_count = (uint32_t) (old >> 32);
        lmm_store_relaxed(&page->tags[batch->slot[0]], (uint32_t) old);
    } while (!lmm_compare_exchange_acq_rel(&page->foreign, &old,
                                           lmm_foreign_list(head, old_count + batch->count)));
    batch->page = NULL;
    lmm_heap_note(heap, family, batch->count);
    if (old_count == 0) {
        lmm_heap_report(owner, page);
    }
    if (LMM_UNLIKELY(old_count + batch->count >= missing) &&
        lmm_fetch_add_relaxed(&owner->complete, 1) + 1 >= lmm_load_relaxed(&owner->reap_at)) {
        lmm_heap_reap(owner, false);
    }
}

uint32_t lmm_foreign_push(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot)
{
    LMM_CHECK(lmm_load_relaxed(&page->owner) != heap);
    struct lmm_batch *batch = &heap->batch[lmm_batch_index(page)];
    uint32_t tag = lmm_load_relaxed(&page->tags[slot]);

    if (LMM_UNLIKELY(lmm_tag_state(tag) != LMM_TAG_LIVE)) {
        return tag;
    }
    LMM_CHECK(slot < page->slots); /* the tag of the bytes after the last slot is never LIVE */
    lmm_store_relaxed(&page->tags[slot], lmm_foreign_mark(heap));
    if (batch->page != page) {
        if (batch->page != NULL) {
            hand_over(heap, batch);
        }
        batch->page = page;
        batch->count = 0;
    }
    batch->slot[batch->count++] = slot;
    if (batch->count == LMM_BATCH_SLOTS) {
        hand_over(heap, batch);
    }
    return tag;
}

void lmm_foreign_flush(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < LMM_BATCHES; i++) {
        if (heap->batch[i].page != NULL) {
            hand_over(heap, &heap->batch[i]);
        }
    }
}
