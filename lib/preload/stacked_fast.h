/* SPDX-License-Identifier: MIT */
/*
 * stacked_fast: the steps of most allocations and frees while call stacks are taken.
 *
 * They are inline and call nothing, so malloc and free need no stack frame for them. Each looks first whether it can do
 * all that is to be done, and changes nothing if it cannot; then the functions of stacked.h do it. They are taken
 * where the thread may use its tracer, no tool watches, the block is a slot of the thread's heap, its site has a row there,
 * and the thread's bytes need not be added to a sum.
 *
 * Owns nothing; the invariants are those of stacked.h. Only the heap's thread. Not responsible for: finding the site
 * of a stack of several calls (recall).
 */
#ifndef LMM_PRELOAD_STACKED_FAST_H
#define LMM_PRELOAD_STACKED_FAST_H

#include "lib/ground/base.h"
#include "lib/ground/options.h"
#include "lib/ground/tools.h"
#include "lib/heaps/heap.h"
#include "lib/heaps/thread.h"
#include "lib/heaps/tracer.h"
#include "lib/preload/classes.h"

/* Whether so many bytes, either way, are more than a thread keeps until it adds them to a sum. */
static inline bool lmm_stacked_is_much(int64_t bytes, int64_t step)
{
    return (uint64_t) (bytes + step) > (uint64_t) step * 2;
}

/* Whether the thread may use its heap's tracer. heap: NULL is fine. */
static inline bool lmm_stacked_is_idle(const struct lmm_heap *heap)
{
    return LMM_LIKELY(heap != NULL && heap->tracer != NULL &&
                      heap->tracer->state == LMM_TRACER_IDLE && lmm_thread_is_settled());
}

/* Whether each block must be looked at by a tool, or counted in another way. */
static inline bool lmm_stacked_is_watched(void)
{
    return LMM_UNLIKELY(lmm_tools_active || lmm_options.heaptrack_temporaries);
}

/* Notes that a thread has so many bytes more in blocks of a class. False: nothing has changed, because they, or those
 * that it had, must be added to a sum. */
static inline __attribute__((always_inline)) bool
lmm_stacked_note(struct lmm_tracer *tracer, struct lmm_bin *bin, int64_t bytes)
{
    int64_t pending = tracer->pending_bytes + bytes;
    int64_t noted = bin->noted + bytes;

    if (LMM_UNLIKELY(lmm_stacked_is_much(pending, tracer->step_bytes) ||
                     lmm_stacked_is_much(noted, bin->step_bytes))) {
        return false;
    }
    tracer->pending_bytes = pending;
    bin->noted = noted;
    return true;
}

/* Pops a slot of a class for a request of so many bytes, and counts it at the site, which has that row. NULL: the bin has
 * none. */
static inline __attribute__((always_inline)) void *lmm_stacked_pop(struct lmm_bin *bin,
                                                                   uint32_t class, size_t bytes,
                                                                   uint32_t site,
                                                                   struct lmm_ledger_row *row)
{
    void *block = lmm_bin_pop(bin, lmm_live_value(site, lmm_class_strides[class] - bytes));

    if (LMM_LIKELY(block != NULL)) {
        lmm_add_single_writer(&row->allocated_blocks, 1);
        lmm_add_single_writer(&row->allocated_extra, bytes);
        lmm_row_note_bytes(row, bytes);
    }
    return block;
}

/*
 * Allocates a slot for a request of at most LMM_CLASS_BYTES_MAX bytes by a call that returns to pc, if stacks have one
 * call. NULL: nothing has changed, and lmm_serve_alloc() is needed.
 */
static inline __attribute__((always_inline)) void *lmm_stacked_alloc_at(size_t bytes, uintptr_t pc)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    if (LMM_UNLIKELY(!lmm_stacked_is_idle(heap) || lmm_stacked_is_watched() ||
                     lmm_thread_ignores != 0)) {
        return NULL;
    }
    uint32_t class = lmm_class_of(bytes);
    struct lmm_tracer *tracer = heap->tracer;
    struct lmm_bin *bin = &heap->open.bins[class];
    uint32_t site = lmm_recall_known_caller(&tracer->recall, class, pc);
    struct lmm_ledger_row *row = lmm_open_row(&heap->open, site);
    if (LMM_UNLIKELY(row == NULL || bin->head >= LMM_TAG_SPECIAL)) {
        return NULL;
    }
    tracer->state = LMM_TRACER_BUSY;
    void *block = NULL;
    if (LMM_LIKELY(lmm_stacked_note(tracer, bin, (int64_t) bytes))) {
        block = lmm_stacked_pop(bin, class, bytes, site, row);
        tracer->last = block;
    }
    tracer->state = LMM_TRACER_IDLE;
    return block;
}

/* What lmm_stacked_push_fast() did. */
enum lmm_stacked_push {
    LMM_STACKED_DONE,  /* freed and counted */
    LMM_STACKED_EVENT, /* the same, and the page needs lmm_heap_page_event() */
    LMM_STACKED_SLOW,  /* nothing: lmm_stacked_push() must look at p */
};

/* Frees p, the start of a slot of the page, of which lmm_heap_push() found that it is no other heap's: but a thread
 * without a heap comes here with a page that no heap owns. Preserves errno. */
static inline __attribute__((always_inline)) enum lmm_stacked_push
lmm_stacked_push_fast(void *p, struct lmm_page *page)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    if (LMM_UNLIKELY(heap == NULL || heap->tracer == NULL ||
                     heap->tracer->state != LMM_TRACER_IDLE || lmm_stacked_is_watched())) {
        return LMM_STACKED_SLOW;
    }
    struct lmm_tracer *tracer = heap->tracer;
    uint32_t slot = lmm_page_slot_of(page, p);
    uint32_t *tag = &page->tags[slot];
    uint32_t found = lmm_load_relaxed(tag);
    uint32_t site = lmm_tag_site(found);
    uint32_t class = page->family;
    struct lmm_ledger_row *row = lmm_open_row(&heap->open, site);
    if (LMM_UNLIKELY(lmm_tag_state(found) != LMM_TAG_LIVE || row == NULL || class >= LMM_CLASSES)) {
        return LMM_STACKED_SLOW;
    }
    uint64_t bytes = page->stride - lmm_tag_slack(found);
    tracer->state = LMM_TRACER_BUSY;
    if (LMM_UNLIKELY(!lmm_stacked_note(tracer, &heap->open.bins[class], -(int64_t) bytes))) {
        tracer->state = LMM_TRACER_IDLE;
        return LMM_STACKED_SLOW;
    }
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    lmm_add_single_writer_release(&row->freed_extra, bytes);
    if (tracer->last == p) {
        tracer->last = NULL;
        lmm_add_single_writer_release(&row->temporaries, 1);
    }
    tracer->state = LMM_TRACER_IDLE;
    lmm_page_note_site(page, site);
    lmm_store_relaxed(tag, page->head);
    lmm_tag_before_block(tag, p);
    page->head = slot;
    return LMM_UNLIKELY(lmm_count_down_single_writer(&page->countdown)) ? LMM_STACKED_EVENT
                                                                        : LMM_STACKED_DONE;
}

#endif
