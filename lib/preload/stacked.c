/* SPDX-License-Identifier: MIT */
#include "lib/preload/stacked.h"

#include "lib/stacks/depot.h"
#include "lib/heaps/heap.h"
#include "lib/ground/tools.h"
#include "lib/books/accounts.h"
#include "lib/books/peak.h"
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/heaps/thread.h"
#include "lib/heaps/tracer.h"
#include "lib/preload/stacked_fast.h"

#include <errno.h>
#include <string.h>

enum {
    FAMILY_PART = 128,             /* a thread adds its bytes to a family's at this part of the */
    STEP_MAX = LMM_UNIT_BYTES / 2, /* family's peak, or at so many; */
    ROOM_MAX = 4096,               /* the only thread: not before they might make a new peak */
};

/* heaptrack's definition: the block that was allocated by the process's last allocation or free;
 * NULL: that was a free. It is not kept for LMM's own definition, because all threads write it. */
static const void *last_of_process;

bool lmm_stacked_start(void)
{
    lmm_peak_record_late();
    return lmm_unwind_start() && lmm_depot_start();
}

/* ---- The sums ------------------------------------------------------------------------------- */

/* Adds bytes to what lives in a family and in the process. */
static LMM_NOINLINE void add_to_sums(uint32_t class, int64_t bytes)
{
    lmm_peak_add(bytes);
    lmm_family_add_live(lmm_families_at(class), bytes);
}

/* From how many bytes on a thread adds them to a sum: at a part of the peak. A thread that is alone
 * may have as many as are missing for a new peak. */
static uint32_t step_of(uint64_t part, int64_t room)
{
    uint64_t step = part;

    if (room > 0 && lmm_thread_is_alone()) {
        uint64_t most = room < ROOM_MAX ? (uint64_t) room : (uint64_t) ROOM_MAX;
        step = part > most ? part : most;
    }
    return step < STEP_MAX ? (uint32_t) step : (uint32_t) STEP_MAX;
}

/* Adds what the thread has not added yet to the sum of the family or of the process, where it is
 * much. */
static LMM_NOINLINE void add_pending(struct lmm_heap *heap, uint32_t class)
{
    struct lmm_bin *bin = &heap->open.bins[class];
    struct lmm_tracer *tracer = heap->tracer;

    if (lmm_stacked_is_much(tracer->pending_bytes, tracer->step_bytes)) {
        int64_t room = lmm_peak_add(tracer->pending_bytes);
        tracer->pending_bytes = 0;
        tracer->step_bytes = step_of(lmm_peak_step(), room);
    }
    if (lmm_stacked_is_much(bin->noted, bin->step_bytes)) {
        struct lmm_family *family = lmm_families_at(class);
        lmm_family_add_live(family, bin->noted);
        uint64_t peak = lmm_load_relaxed(&family->record->peak_amount);
        bin->noted = 0;
        bin->step_bytes =
            step_of(peak / FAMILY_PART, (int64_t) peak - lmm_load_relaxed(&family->live));
    }
}

/* Adds bytes to what the thread has not added to the sums yet. */
static inline void note_bytes(struct lmm_heap *heap, uint32_t class, int64_t bytes)
{
    struct lmm_bin *bin = &heap->open.bins[class];
    struct lmm_tracer *tracer = heap->tracer;

    LMM_CHECK(class < heap->bin_capacity);
    if (!lmm_stacked_note(tracer, bin, bytes)) {
        tracer->pending_bytes += bytes;
        bin->noted += bytes;
        add_pending(heap, class);
    }
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* This thread's heap, with its tracer ready. NULL: the thread ends, or there is no memory. */
static LMM_NOINLINE struct lmm_heap *enter(void)
{
    lmm_thread_leave(lmm_thread_enter());
    struct lmm_heap *heap = lmm_thread_open.heap;
    if (heap == NULL) {
        return NULL;
    }
    struct lmm_tracer *tracer = heap->tracer;
    if (tracer->state == LMM_TRACER_NEW) {
        /* The heap was adopted; after a fork its last thread may have stopped within a trace. */
        tracer->state = LMM_TRACER_IDLE;
        tracer->last = NULL;
        lmm_trace_clear(&tracer->trace);
        lmm_recall_clear(&tracer->recall);
    }
    return heap;
}

/* Whether the heap has this thread's tracer, and the process is settled. */
static inline bool is_entered(const struct lmm_heap *heap)
{
    return LMM_LIKELY(heap != NULL && heap->tracer != NULL &&
                      heap->tracer->state != LMM_TRACER_NEW && lmm_thread_is_settled());
}

static inline struct lmm_heap *own_heap(void)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    return is_entered(heap) ? heap : enter();
}

static LMM_NOINLINE uint32_t ignored_site(struct lmm_family *family, uint32_t site)
{
    int saved_errno = errno;
    uint32_t ignored = lmm_site_ignored(site, &family->sites);

    errno = saved_errno;
    return ignored;
}

/* recall: NULL: the trace is a new one. Preserves errno. */
static inline __attribute__((always_inline)) uint32_t find_site(struct lmm_trace *trace,
                                                                struct lmm_recall *recall,
                                                                uint32_t class,
                                                                const struct lmm_caller *caller)
{
    uint32_t frames = lmm_options.stack_frames;
    uint32_t site =
        frames == 1 ? lmm_recall_caller(recall, class, caller->pc) : (uint32_t) LMM_SITE_NONE;

    if (site == LMM_SITE_NONE) {
        site = lmm_recall_site(recall, trace, lmm_families_at(class), caller, frames);
    }
    return LMM_UNLIKELY(lmm_thread_ignores != 0) ? ignored_site(lmm_families_at(class), site)
                                                 : site;
}

/* The same off the fast path. */
static LMM_NOINLINE uint32_t site_of(struct lmm_trace *trace, struct lmm_recall *recall,
                                     uint32_t class, const struct lmm_caller *caller)
{
    return find_site(trace, recall, class, caller);
}

/* The same with a trace of its own, which is larger than some threads' stacks. */
static LMM_NOINLINE uint32_t site_by_own_trace(uint32_t class, const struct lmm_caller *caller)
{
    struct lmm_trace *trace = lmm_meta_alloc(&lmm_arena_records, sizeof(*trace));

    if (trace == NULL) {
        return lmm_families_at(class)->site;
    }
    lmm_trace_clear(trace);
    uint32_t site = site_of(trace, NULL, class, caller);
    lmm_meta_free(&lmm_arena_records, trace, sizeof(*trace));
    return site;
}

/* The same where the thread's trace cannot be used: without a heap the thread is about to end; else
 * the heap is busy, and its trace in use. */
static uint32_t site_without_tracer(const struct lmm_heap *heap, uint32_t class,
                                    const struct lmm_caller *caller)
{
    return heap != NULL ? lmm_families_at(class)->site : site_by_own_trace(class, caller);
}

/* The bytes that were requested for a block of that shape. */
static inline int64_t bytes_of(const struct lmm_shape *shape)
{
    size_t stride =
        shape->class == LMM_CLASS_LARGE ? LMM_LARGE_STRIDE : lmm_class_strides[shape->class];

    return (int64_t) (shape->slots * stride - shape->slack);
}

static inline int64_t live_bytes_of(const struct lmm_block_facts *facts)
{
    return (int64_t) lmm_family_extra(facts->family, facts->tag, facts->slots);
}

/* ---- Temporary blocks ------------------------------------------------------------------------ */

/* Notes an allocation, or that a block was freed (NULL). */
static inline void note_event(const void *block)
{
    if (LMM_UNLIKELY(lmm_options.heaptrack_temporaries)) {
        lmm_store_relaxed(&last_of_process, block);
    }
}

static inline bool is_last(const struct lmm_tracer *tracer, const void *p)
{
    return LMM_UNLIKELY(lmm_options.heaptrack_temporaries) ? lmm_load_relaxed(&last_of_process) == p
                                                           : tracer->last == p;
}

/* ---- Allocating ------------------------------------------------------------------------------ */

static inline void note_allocation(struct lmm_heap *heap, void *block, uint32_t class,
                                   int64_t bytes)
{
    heap->tracer->last = block;
    note_event(block);
    note_bytes(heap, class, bytes);
}

static LMM_NOINLINE void *alloc_slow(const struct lmm_shape *shape, size_t align, bool zero,
                                     uint32_t site)
{
    return lmm_block_alloc(lmm_families_at(shape->class), lmm_live_value(site, shape->slack),
                           shape->slots, align, zero);
}

/* As lmm_stacked_alloc_small(), where the heap has no slot at hand, or no row of the site. */
static LMM_NOINLINE void *alloc_missed(size_t bytes, bool zero, uint32_t class, uint32_t site)
{
    const struct lmm_shape shape = {
        .class = class, .slack = lmm_class_strides[class] - (uint32_t) bytes, .slots = 1};
    int saved_errno = errno;
    void *block = alloc_slow(&shape, 1, zero, site);

    errno = saved_errno;
    return block;
}

void *lmm_stacked_alloc_small(size_t bytes, bool zero, const struct lmm_caller *caller)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    if (LMM_UNLIKELY(bytes > LMM_CLASS_BYTES_MAX || !lmm_stacked_is_idle(heap) ||
                     lmm_tools_active)) {
        return NULL;
    }
    uint32_t class = lmm_class_of(bytes);
    struct lmm_tracer *tracer = heap->tracer;
    struct lmm_bin *bin = &heap->open.bins[class];
    tracer->state = LMM_TRACER_BUSY;
    lmm_bin_prefetch(bin);
    uint32_t site = find_site(&tracer->trace, &tracer->recall, class, caller);
    struct lmm_ledger_row *row = lmm_open_row(&heap->open, site);
    void *block = LMM_LIKELY(row != NULL) ? lmm_stacked_pop(bin, class, bytes, site, row) : NULL;
    if (LMM_UNLIKELY(block == NULL)) {
        block = alloc_missed(bytes, zero, class, site);
    } else if (zero) {
        memset(block, 0, bin->stride);
    }
    if (LMM_LIKELY(block != NULL)) {
        note_allocation(heap, block, class, (int64_t) bytes);
    }
    tracer->state = LMM_TRACER_IDLE;
    return block;
}

static LMM_NOINLINE void *alloc_without_tracer(const struct lmm_heap *heap,
                                               const struct lmm_shape *shape, size_t align,
                                               bool zero, const struct lmm_caller *caller)
{
    void *block = alloc_slow(shape, align, zero, site_without_tracer(heap, shape->class, caller));

    if (block != NULL) {
        note_event(block);
        add_to_sums(shape->class, bytes_of(shape));
    }
    return block;
}

void *lmm_stacked_alloc(const struct lmm_shape *shape, size_t align, bool zero,
                        const struct lmm_caller *caller)
{
    struct lmm_heap *heap = own_heap();

    if (LMM_UNLIKELY(heap == NULL || heap->tracer->state != LMM_TRACER_IDLE)) {
        return alloc_without_tracer(heap, shape, align, zero, caller);
    }
    struct lmm_tracer *tracer = heap->tracer;
    tracer->state = LMM_TRACER_BUSY;
    uint32_t site = site_of(&tracer->trace, &tracer->recall, shape->class, caller);
    void *block = alloc_slow(shape, align, zero, site);
    if (block != NULL) {
        note_allocation(heap, block, shape->class, bytes_of(shape));
    }
    tracer->state = LMM_TRACER_IDLE;
    return block;
}

/* ---- Freeing --------------------------------------------------------------------------------- */

/* Counts a temporary block of a site that this thread has not counted at: another thread's. */
static LMM_NOINLINE void count_first_temporary(uint32_t site)
{
    struct lmm_ledger_row delta = {.temporaries = 1};
    struct lmm_heap *heap = lmm_thread_enter();

    lmm_heap_count(heap, site, &delta);
    lmm_thread_leave(heap);
}

static inline void count_temporary(struct lmm_heap *heap, uint32_t site)
{
    struct lmm_ledger_row *row = lmm_open_row(&heap->open, site);

    if (LMM_LIKELY(row != NULL)) {
        lmm_add_single_writer_release(&row->temporaries, 1);
    } else {
        count_first_temporary(site);
    }
}

bool lmm_stacked_is_last(const void *p)
{
    const struct lmm_heap *heap = lmm_thread_open.heap;

    return is_entered(heap) && is_last(heap->tracer, p);
}

void lmm_stacked_note_temporary(const struct lmm_block_facts *facts)
{
    LMM_CHECK(is_entered(lmm_thread_open.heap));
    count_temporary(lmm_thread_open.heap, lmm_tag_site(facts->tag));
}

void lmm_stacked_note_moved(const void *moved)
{
    note_event(moved);
}

/* The block p, of that site, is freed: counts it as temporary, if it is. */
static LMM_NOINLINE void end_last(struct lmm_heap *heap, const void *p, uint32_t site)
{
    struct lmm_tracer *tracer = heap->tracer;

    if (is_last(tracer, p)) {
        tracer->last = NULL;
        count_temporary(heap, site);
    }
    note_event(NULL);
}

/* Counts a free. Call before the block is freed. */
static void note_free(struct lmm_heap *heap, const void *p, uint32_t class, uint32_t site,
                      int64_t bytes)
{
    end_last(heap, p, site);
    note_bytes(heap, class, -bytes);
}

bool lmm_stacked_push(void *p, struct lmm_page *page)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    if (LMM_UNLIKELY(!lmm_stacked_is_idle(heap) || lmm_tools_active ||
                     lmm_load_relaxed(&page->owner) != heap)) {
        return false;
    }
    struct lmm_tracer *tracer = heap->tracer;
    uint32_t slot = lmm_page_slot_of(page, p);
    uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
    uint32_t site = lmm_tag_site(tag);
    struct lmm_ledger_row *row = lmm_open_row(&heap->open, site);
    if (LMM_UNLIKELY(lmm_tag_state(tag) != LMM_TAG_LIVE || row == NULL ||
                     page->family >= LMM_CLASSES)) {
        return false;
    }
    uint64_t bytes = page->stride - lmm_tag_slack(tag);
    tracer->state = LMM_TRACER_BUSY;
    note_bytes(heap, page->family, -(int64_t) bytes); /* first: a late peak has the block */
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    lmm_add_single_writer_release(&row->freed_extra, bytes);
    end_last(heap, p, site);
    tracer->state = LMM_TRACER_IDLE;
    lmm_heap_push_own(heap, page, slot, site);
    return true;
}

void lmm_stacked_free(void *p, const struct lmm_block_facts *facts)
{
    struct lmm_heap *heap = facts->family->counts_bytes ? own_heap() : NULL;

    if (heap != NULL && heap->tracer->state == LMM_TRACER_IDLE) {
        note_free(heap, p, facts->family->index, lmm_tag_site(facts->tag), live_bytes_of(facts));
    } else if (facts->family->counts_bytes) {
        note_event(NULL);
        add_to_sums(facts->family->index, -live_bytes_of(facts));
    }
    lmm_block_free(p);
}

/* ---- Reshaping ------------------------------------------------------------------------------- */

/* The same where the thread may use its tracer. */
static void *reshape_traced(struct lmm_heap *heap, void *p, const struct lmm_block_facts *facts,
                            const struct lmm_shape *shape, uint32_t site)
{
    int64_t change = bytes_of(shape) - live_bytes_of(facts);

    if (change < 0) {
        note_bytes(heap, shape->class, change); /* first: a late peak has the whole block */
    }
    void *reshaped = lmm_block_reshape(p, facts, shape->slots, lmm_live_value(site, shape->slack));
    if (reshaped != NULL) {
        end_last(heap, p, lmm_tag_site(facts->tag));
        note_allocation(heap, reshaped, shape->class, change > 0 ? change : 0);
    } else if (change < 0) {
        note_bytes(heap, shape->class, -change);
    }
    return reshaped;
}

void *lmm_stacked_reshape(void *p, const struct lmm_block_facts *facts,
                          const struct lmm_shape *shape, const struct lmm_caller *caller)
{
    struct lmm_heap *heap = own_heap();

    LMM_CHECK(facts->family->index == shape->class);
    if (heap != NULL && heap->tracer->state == LMM_TRACER_IDLE) {
        struct lmm_tracer *tracer = heap->tracer;
        tracer->state = LMM_TRACER_BUSY;
        uint32_t site = site_of(&tracer->trace, &tracer->recall, shape->class, caller);
        void *reshaped = reshape_traced(heap, p, facts, shape, site);
        tracer->state = LMM_TRACER_IDLE;
        return reshaped;
    }
    uint32_t site = site_without_tracer(heap, shape->class, caller);
    void *reshaped = lmm_block_reshape(p, facts, shape->slots, lmm_live_value(site, shape->slack));
    if (reshaped != NULL) {
        note_event(reshaped);
        add_to_sums(shape->class, bytes_of(shape) - live_bytes_of(facts));
    }
    return reshaped;
}
