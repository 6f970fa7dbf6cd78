/* SPDX-License-Identifier: MIT */
#include "lib/heaps/foreign.h"

#include "lib/ground/panic.h"

static _Noreturn void panic_not_live(struct lmm_page *page, uint32_t slot)
{
    char what[LMM_FAMILY_BLOCK_BYTES];
    struct lmm_family *family = lmm_families_at(page->family);
    void *block = lmm_page_slot(page, slot);

    if (slot >= page->fresh) { /* its tag was not read before */
        lmm_panic("free of memory that is not allocated: %p (%s)", block, family->name);
    }
    lmm_family_describe(family, LMM_SITE_NONE, what);
    lmm_panic("double free: %p (%s)", block, what);
}

/* Links the batch's slots, the last one first. Panics when another thread that freed the same block
 * has overwritten its mark, or when its tag was still LIVE and is not any more. */
static void link_batch(const struct lmm_heap *heap, const struct lmm_batch *batch)
{
    struct lmm_page *page = batch->page;
    uint32_t mark = lmm_foreign_mark(heap);
    bool may_be_live = lmm_foreign_leaves_tags();
    uint32_t next = LMM_TAG_END;

    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t slot = batch->slot[i];
        uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
        bool is_live = may_be_live && lmm_tag_state(tag) == LMM_TAG_LIVE;
        if (LMM_UNLIKELY(!is_live && tag != mark)) {
            panic_not_live(page, slot);
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
    uint32_t count = batch->count;
    uint32_t head = batch->slot[count - 1];
    /* Before the batch is handed over: then the page may end. */
    uint32_t missing = page->slots - lmm_slots_free_count(page);
    struct lmm_family *family = lmm_families_at(page->family);
    uint32_t old_count;

    link_batch(heap, batch);
    /* The batch ends before its slots can be live again. */
    lmm_store_release(&batch->page, NULL);
    lmm_store_release(&batch->turn, batch->turn + 1);
    do {
        old_count = (uint32_t) (old >> 32);
        lmm_store_relaxed(&page->tags[batch->slot[0]], (uint32_t) old);
    } while (!lmm_compare_exchange_acq_rel(&page->foreign, &old,
                                           lmm_foreign_list(head, old_count + count)));
    lmm_heap_note(heap, family, count);
    if (old_count == 0) {
        lmm_heap_report(owner, page);
    }
    if (LMM_UNLIKELY(old_count + count >= missing) &&
        lmm_fetch_add_relaxed(&owner->complete, 1) + 1 >= lmm_load_relaxed(&owner->reap_at)) {
        lmm_heap_reap(owner, false);
    }
}

/* Begins a batch for the page. */
static LMM_NOINLINE void begin(struct lmm_heap *heap, struct lmm_batch *batch,
                               struct lmm_page *page)
{
    uint32_t part = page->slots / LMM_BATCH_PART;

    if (batch->page != NULL) {
        hand_over(heap, batch);
    }
    batch->limit = part == 0 ? 1 : part < LMM_BATCH_SLOTS ? part : LMM_BATCH_SLOTS;
    lmm_store_relaxed(&batch->count, 0);
    lmm_store_release(&batch->page, page);
}

static inline void add(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot,
                       const void *block)
{
    struct lmm_batch *batch = &heap->batch[lmm_batch_index(page)];
    uint32_t count;

    do {
        if (batch->page != page) {
            begin(heap, batch, page);
        }
        count = batch->count + 1;
        lmm_store_release(&batch->slot[count - 1], slot);
        lmm_store_release(&batch->count, count);
        lmm_tag_before_block(&batch->count, block);
        /* A signal handler may have forked before the store; its child has no batches. */
    } while (LMM_UNLIKELY(lmm_load_relaxed(&batch->page) != page));
    if (count >= batch->limit) {
        hand_over(heap, batch);
    }
}

uint32_t lmm_foreign_push(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot)
{
    LMM_CHECK(lmm_load_relaxed(&page->owner) != heap);
    uint32_t tag = lmm_load_relaxed(&page->tags[slot]);

    if (LMM_UNLIKELY(lmm_tag_state(tag) != LMM_TAG_LIVE)) {
        return tag;
    }
    LMM_CHECK(slot < page->slots); /* the tag of the bytes after the last slot is never LIVE */
    lmm_store_relaxed(&page->tags[slot], lmm_foreign_mark(heap));
    add(heap, page, slot, NULL);
    return tag;
}

void lmm_foreign_push_unread(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot,
                             const void *block)
{
    LMM_CHECK(lmm_load_relaxed(&page->owner) != heap && lmm_foreign_leaves_tags());
    add(heap, page, slot, block);
}

void lmm_foreign_push_marked(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot)
{
    LMM_CHECK(lmm_load_relaxed(&page->tags[slot]) == lmm_foreign_mark(heap));
    add(heap, page, slot, NULL);
}

/* ---- Tags that are still LIVE ---------------------------------------------------------------- */

/* A batch as it was at one moment. */
struct batch_copy {
    struct lmm_page *page;
    uint32_t count;
    uint32_t slot[LMM_BATCH_SLOTS];
};

/* False: the batch is empty, or has ended meanwhile. */
static bool copy_batch(const struct lmm_batch *batch, struct batch_copy *ret_copy)
{
    uint32_t turn = lmm_load_acquire(&batch->turn);

    ret_copy->page = lmm_load_acquire(&batch->page);
    ret_copy->count = lmm_load_acquire(&batch->count);
    for (uint32_t i = 0; i < ret_copy->count; i++) {
        ret_copy->slot[i] = lmm_load_acquire(&batch->slot[i]);
    }
    return ret_copy->page != NULL && lmm_load_relaxed(&batch->turn) == turn;
}

static void mark_batch(const struct lmm_heap *heap, const struct lmm_batch *batch)
{
    struct batch_copy copy;

    if (!copy_batch(batch, &copy)) {
        return; /* if it was handed over, its tags are FREE */
    }
    for (uint32_t i = 0; i < copy.count; i++) {
        uint32_t *tag = &copy.page->tags[copy.slot[i]];
        uint32_t found = lmm_load_relaxed(tag);
        if (lmm_tag_state(found) == LMM_TAG_LIVE) {
            /* Fails when the thread links the slot meanwhile. */
            lmm_compare_exchange_acq_rel(tag, &found, lmm_foreign_mark(heap));
        }
    }
}

void lmm_foreign_mark_batches(const struct lmm_heap *first, const struct lmm_page *page)
{
    if (!lmm_foreign_leaves_tags()) {
        return;
    }
    for (const struct lmm_heap *heap = first; heap != NULL; heap = heap->next) {
        for (uint32_t i = 0; i < LMM_BATCHES; i++) {
            if (page == NULL || lmm_load_relaxed(&heap->batch[i].page) == page) {
                mark_batch(heap, &heap->batch[i]);
            }
        }
    }
}

/* ---- Handing over ---------------------------------------------------------------------------- */

void lmm_foreign_flush(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < LMM_BATCHES; i++) {
        if (heap->batch[i].page != NULL) {
            hand_over(heap, &heap->batch[i]);
        }
    }
}
