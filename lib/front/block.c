/* SPDX-License-Identifier: MIT */
#include "lib/front/block.h"

#include "lib/heaps/cache.h"
#include "lib/front/misuse.h"
#include "lib/heaps/foreign.h"
#include "lib/heaps/heap.h"
#include "lib/heaps/magazine.h"
#include "lib/pages/limit.h"
#include "lib/ground/tools.h"
#include "lib/heaps/thread.h"

#include <errno.h>
#include <string.h>

/* ---- Allocating ------------------------------------------------------------------------------ */

/* As lmm_heap_refill(), which also trims when another thread has asked for it: then slots in magazines
 * are in its way. */
static bool refill(struct lmm_heap *heap, struct lmm_family *family)
{
    if (LMM_UNLIKELY(lmm_load_relaxed(&heap->trim_wanted))) {
        lmm_magazines_flush(heap);
    }
    return lmm_heap_refill(heap, family);
}

static void *alloc_slot(struct lmm_heap *heap, struct lmm_family *family, uint32_t live_value)
{
    void *block;

    do {
        block = lmm_bin_pop(&heap->open.bins[family->index], live_value);
    } while (block == NULL && refill(heap, family));
    return block;
}

/* The bytes of a block that are the program's. tag: its first, or its live value. */
static size_t block_bytes(const struct lmm_family *family, uint32_t tag, size_t n)
{
    return family->is_flexible ? n * family->stride - lmm_tag_slack(tag)
                               : (n - 1) * family->stride + family->size;
}

/* What a block adds to its site's row: of n slots, with that tag or live value. */
static struct lmm_ledger_row born_block(const struct lmm_family *family, uint32_t tag, size_t n)
{
    uint64_t extra = lmm_family_extra(family, tag, n);
    uint64_t bytes = family->counts_bytes ? extra : block_bytes(family, tag, n);
    uint32_t kept = bytes < UINT32_MAX ? (uint32_t) bytes : UINT32_MAX;

    return (struct lmm_ledger_row) {.allocated_blocks = 1,
                                    .allocated_extra = extra,
                                    .smallest_bytes = kept,
                                    .largest_bytes = kept};
}

static void *alloc_run(struct lmm_heap *heap, struct lmm_family *family, uint32_t live_value,
                       size_t n, size_t align, bool *ret_zeroed)
{
    lmm_cache_sample(heap, family);
    if (lmm_limit_is_set(family)) {
        lmm_cache_close(heap, family); /* what comes from a cache is not held against the limit */
    }
    struct lmm_cache *cache = align <= family->stride ? heap->open.bins[family->index].cache : NULL;
    char *block = lmm_cache_pop(cache, n, live_value);

    if (block != NULL) {
        return block;
    }
    if (cache != NULL) {
        cache->misses++;
    }
    block = lmm_run_take(&family->runs, n, align, live_value, ret_zeroed);
    return block != NULL || !lmm_cache_flush(heap)
               ? block
               : lmm_run_take(&family->runs, n, align, live_value, ret_zeroed);
}

static void *alloc_in(struct lmm_heap *heap, struct lmm_family *family, uint32_t live_value,
                      size_t n, size_t align, bool *ret_zeroed)
{
    uint32_t site = lmm_tag_site(live_value);

    LMM_CHECK(lmm_accounts_site_facts(site).family == family->index);
    if (site >= heap->open.site_limit && !lmm_heap_open_sites(heap)) {
        return NULL;
    }
    bool is_slot = n == 1 && lmm_family_has_slots(family);
    void *block = is_slot ? alloc_slot(heap, family, live_value)
                          : alloc_run(heap, family, live_value, n, align, ret_zeroed);
    if (block != NULL) {
        struct lmm_ledger_row born = born_block(family, live_value, n);
        lmm_heap_count(heap, site, &born);
        if (!is_slot) {
            lmm_heap_note(heap, family, n);
        }
    }
    return block;
}

/* lmm_block_alloc() without limits. */
static void *alloc_unlimited(struct lmm_family *family, uint32_t live_value, size_t n, size_t align,
                             bool zero)
{
    LMM_CHECK(n != 0 && lmm_is_power_of_two(align));
    struct lmm_heap *heap = lmm_thread_enter();
    bool zeroed = false;
    void *block = alloc_in(heap, family, live_value, n, align, &zeroed);

    lmm_thread_leave(heap);
    if (block == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    size_t bytes = block_bytes(family, live_value, n);
    if (lmm_tools_active) {
        lmm_tools_block_begins(block, bytes);
        zeroed = false;
    }
    if (zero && !zeroed) {
        memset(block, 0, bytes);
    }
    return block;
}

/* Asks for more bytes of a family with a limit. When that is refused, the callback may free some, or
 * raise the limit; then asks again. */
static enum lmm_limit_verdict take_of_limit(struct lmm_family *family, uint64_t bytes)
{
    enum lmm_limit_verdict verdict = lmm_limit_take(family, bytes);

    if (verdict == LMM_LIMIT_REFUSED && lmm_limit_tell(family)) {
        verdict = lmm_limit_take(family, bytes);
    }
    if (verdict == LMM_LIMIT_REFUSED) {
        errno = ENOMEM;
    }
    return verdict;
}

bool lmm_block_some_are_ignored;

/* The live value of a block that the thread wants to be ignored in leak checks. */
static LMM_NOINLINE uint32_t ignored_value(struct lmm_family *family, uint32_t live_value)
{
    lmm_store_relaxed(&lmm_block_some_are_ignored, true);
    uint32_t site = lmm_site_ignored(lmm_tag_site(live_value), &family->sites);

    return lmm_live_value(site, lmm_tag_slack(live_value));
}

void *lmm_block_alloc(struct lmm_family *family, uint32_t live_value, size_t n, size_t align,
                      bool zero)
{
    enum lmm_limit_verdict verdict = LMM_LIMIT_FREE;
    void *popped =
        n == 1 ? lmm_heap_pop_restocked(&lmm_thread_open, live_value, family->index) : NULL;

    if (LMM_LIKELY(popped != NULL)) {
        return zero ? memset(popped, 0, block_bytes(family, live_value, n)) : popped;
    }
    if (lmm_thread_ignores != 0) {
        live_value = ignored_value(family, live_value);
    }

    if (lmm_limit_is_set(family)) {
        verdict = take_of_limit(family, lmm_family_bytes(family, live_value, n));
        if (verdict == LMM_LIMIT_REFUSED) {
            return NULL;
        }
    }
    void *block = alloc_unlimited(family, live_value, n, align, zero);
    if (verdict == LMM_LIMIT_PAST_SOFT) {
        lmm_limit_tell(family);
    }
    return block;
}

void *lmm_block_alloc_flexible(struct lmm_family *family, uint32_t site, size_t bytes, bool zero)
{
    LMM_CHECK(family->is_flexible && bytes != 0 && bytes <= PTRDIFF_MAX);
    size_t n = bytes / LMM_FAMILY_FLEX_STRIDE + 1;
    uint32_t live_value = lmm_live_value(site, n * LMM_FAMILY_FLEX_STRIDE - bytes);
    void *block = family->align <= LMM_FAMILY_FLEX_STRIDE
                      ? lmm_cache_pop_counted(&lmm_thread_open, family->index, site, live_value,
                                              false, n, bytes, &bytes)
                      : NULL;

    if (block == NULL) {
        return lmm_block_alloc(family, live_value, n, family->align, zero);
    }
    return zero ? memset(block, 0, bytes) : block;
}

/* ---- Freeing --------------------------------------------------------------------------------- */

/* Counts the free of a block. extra: lmm_family_extra(). is_foreign: of a slot in another heap's
 * page. */
static void count_free(struct lmm_heap *heap, uint32_t tag, uint64_t extra, bool is_foreign)
{
    struct lmm_ledger_row delta = {
        .freed_blocks = 1, .freed_extra = extra, .foreign_frees = is_foreign};

    lmm_heap_count(heap, lmm_tag_site(tag), &delta);
}

/* lmm_family_extra() while the fast paths are open: then no family but flexible ones counts bytes
 * (family.h, I5). */
static inline uint64_t extra_near(uint32_t tag, size_t n)
{
    uint32_t slack = lmm_tag_slack(tag);

    return LMM_LIKELY(slack == 0) ? n - 1 : n * LMM_FAMILY_FLEX_STRIDE - slack;
}

/* Marks a run as free and in a cache, that of the heap with lmm_tag_cacher() `cacher` or, for 0, one that
 * it does not stay in; returns the tag it had. The exchange makes a free by another thread at the same
 * time find the run not live: that is misuse. */
static uint32_t mark_run_freed(uint32_t cacher, uint32_t *tag, void *p)
{
    uint32_t freed = lmm_tag_cached(lmm_tag_site(lmm_load_relaxed(tag))) | cacher;
    uint32_t old = lmm_exchange_acq_rel(tag, freed);

    if (LMM_UNLIKELY(lmm_tag_state(old) != LMM_TAG_LIVE)) {
        lmm_store_relaxed(tag, old);
        lmm_misuse(p, "free");
    }
    return old;
}

/* Puts a run that is marked free into the cache, created if there is none, or gives it to its page.
 * Preserves errno, which a cache or a page of rows that cannot be made sets. */
static LMM_NOINLINE void push_run_slow(struct lmm_heap *heap, struct lmm_page *page, size_t slot,
                                       size_t n)
{
    struct lmm_family *family = lmm_families_at(page->family);
    int saved_errno = errno;
    struct lmm_cache *cache = page->kind == LMM_PAGE_SPAN ? NULL : lmm_cache_of(heap, family);

    bool has_room = cache != NULL && lmm_cache_make_room(heap, family, n);
    if (!has_room || !lmm_cache_push(cache, n, lmm_page_slot(page, slot), &page->tags[slot])) {
        lmm_heap_note(heap, family, n);
        lmm_run_give(&family->runs, page, slot, n);
    }
    errno = saved_errno;
}

/* As lmm_foreign_push(); panics when the slot is not live. */
static uint32_t push_foreign(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot, void *p)
{
    uint32_t tag = lmm_foreign_push(heap, page, slot);

    if (LMM_UNLIKELY(lmm_tag_state(tag) != LMM_TAG_LIVE)) {
        lmm_misuse(p, "free");
    }
    return tag;
}

static void free_in(struct lmm_heap *heap, const struct lmm_block_facts *facts, void *p)
{
    struct lmm_page *page = facts->page;
    bool is_run = page->kind != LMM_PAGE_SLOTS; /* the page of a slot may end in here */
    bool is_foreign = !is_run && lmm_load_relaxed(&page->owner) != heap;
    uint32_t tag;

    if (is_run) {
        tag = mark_run_freed(lmm_tag_cacher(heap->number), &page->tags[facts->slot], p);
    } else if (!is_foreign) {
        tag = lmm_load_relaxed(&page->tags[facts->slot]);
        if (LMM_UNLIKELY(lmm_tag_state(tag) != LMM_TAG_LIVE)) {
            lmm_misuse(p, "free"); /* another thread freed it meanwhile */
        }
        lmm_heap_push_own(heap, page, (uint32_t) facts->slot, lmm_tag_site(tag));
        lmm_tag_before_block(&page->tags[facts->slot], p);
    } else {
        tag = push_foreign(heap, page, (uint32_t) facts->slot, p);
    }
    count_free(heap, tag, lmm_family_extra(facts->family, tag, facts->slots), is_foreign);
    if (is_run) {
        push_run_slow(heap, page, facts->slot, facts->slots);
    }
}

/* As count_free(), in this thread's heap. */
static inline void count_free_open(const struct lmm_open *open, uint32_t tag, uint64_t extra,
                                   bool is_foreign)
{
    struct lmm_ledger_row *row = lmm_open_row_near(open, lmm_tag_site(tag));

    if (LMM_UNLIKELY(row == NULL)) {
        int saved_errno = errno;
        count_free(open->heap, tag, extra, is_foreign);
        lmm_thread_leave(open->heap);
        errno = saved_errno;
        return;
    }
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    lmm_add_single_writer_release(&row->freed_extra, extra);
    lmm_add_single_writer_release(&row->foreign_frees, is_foreign);
}

static LMM_NOINLINE void free_foreign_slot(void *p, struct lmm_page *page, uint32_t slot)
{
    const struct lmm_open *open = &lmm_thread_open;

    lmm_prefetch_for_write(&page->tags[slot]);
    if (LMM_UNLIKELY(open->site_limit == 0 || !lmm_thread_is_settled())) {
        lmm_block_free(p);
        return;
    }
    uint32_t freed = push_foreign(open->heap, page, slot, p); /* the page may end in the push */
    count_free_open(open, freed, extra_near(freed, 1), true);
}

/* Where the thread has no row for the block's site, or no room in a cache. */
static LMM_NOINLINE void free_run(void *p, struct lmm_page *page)
{
    if (LMM_UNLIKELY(lmm_thread_open.site_limit == 0 || !lmm_thread_is_settled())) {
        lmm_block_free(p);
        return;
    }
    size_t slot = lmm_page_slot_of(page, p);
    uint32_t *tag = &page->tags[slot];
    size_t n = lmm_run_length_in(page, tag, slot);
    uint32_t old = mark_run_freed(lmm_tag_cacher(lmm_thread_open.heap->number), tag, p);
    count_free_open(&lmm_thread_open, old, extra_near(old, n), false);
    push_run_slow(lmm_thread_open.heap, page, slot, n);
}

/*
 * Frees a run into this thread's cache. row: of its site. extra: lmm_family_extra(). False, with nothing
 * done, when there is no room.
 */
static inline __attribute__((always_inline)) bool
free_into_cache(void *p, const struct lmm_page *page, uint32_t *tag, size_t n, uint32_t site,
                uint64_t extra, struct lmm_ledger_row *row)
{
    struct lmm_cache *cache = lmm_thread_open.bins[page->family].cache;

    if (LMM_UNLIKELY(cache == NULL || !lmm_cache_push(cache, n, p, tag))) {
        return false;
    }
    lmm_store_relaxed(tag, cache->mark | site); /* a plain store: cache.h */
    lmm_tag_before_block(tag, p);
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    lmm_add_single_writer_release(&row->freed_extra, extra);
    return true;
}

/* A run whose tag has slack, or that cannot be freed so fast. */
static LMM_NOINLINE void free_other_run(void *p, struct lmm_page *page)
{
    size_t slot = lmm_page_slot_of(page, p);
    uint32_t *tag = &page->tags[slot];
    size_t n = lmm_run_length_in(page, tag, slot);
    uint32_t old = lmm_load_relaxed(tag);
    uint32_t site = lmm_tag_site(old);
    struct lmm_ledger_row *row = lmm_open_row_near(&lmm_thread_open, site);

    if (LMM_UNLIKELY(row == NULL || lmm_tag_state(old) != LMM_TAG_LIVE ||
                     !free_into_cache(p, page, tag, n, site, extra_near(old, n), row))) {
        free_run(p, page);
    }
}

/* All that is rare is a call at the end, so that this function needs no registers of its caller's. */
void lmm_block_free_other(void *p, struct lmm_page *page, size_t slot)
{
    uint32_t *tag = &page->tags[slot];

    LMM_CHECK(p == lmm_page_slot(page, slot));
    if (page->kind == LMM_PAGE_SLOTS) {
        free_foreign_slot(p, page, (uint32_t) slot);
        return;
    }
    lmm_prefetch_for_write(tag); /* other threads may have written to its neighbours */
    size_t n = lmm_run_length_in(page, tag, slot);
    uint32_t site = lmm_load_relaxed(tag) - LMM_TAG_LIVE_BASE; /* none if not live, or with slack */
    struct lmm_ledger_row *row = lmm_open_row_near(&lmm_thread_open, site);
    if (LMM_UNLIKELY(row == NULL || !free_into_cache(p, page, tag, n, site, n - 1, row))) {
        free_other_run(p, page);
    }
}

void lmm_block_free(void *p)
{
    struct lmm_block_facts facts;
    int saved_errno = errno;

    if (p == NULL) {
        return;
    }
    if (!lmm_block_find(p, &facts)) {
        lmm_misuse(p, "free");
    }
    if (lmm_tools_active) {
        lmm_tools_block_ends(p, block_bytes(facts.family, facts.tag, facts.slots));
    }
    struct lmm_heap *heap = lmm_thread_enter();
    free_in(heap, &facts, p);
    lmm_thread_leave(heap);
    errno = saved_errno;
}

/* ---- Resizing -------------------------------------------------------------------------------- */

/* Counts a change of length at the block's site. */
static void count_resize(const struct lmm_block_facts *facts, size_t n)
{
    struct lmm_ledger_row delta = born_block(facts->family, facts->tag, n);
    struct lmm_heap *heap = lmm_thread_enter();

    delta.allocated_blocks = 0;
    delta.allocated_extra = n > facts->slots ? n - facts->slots : 0;
    delta.freed_extra = n < facts->slots ? facts->slots - n : 0;
    lmm_heap_count(heap, lmm_tag_site(facts->tag), &delta);
    lmm_heap_note(heap, facts->family, n > facts->slots ? n - facts->slots : facts->slots - n);
    lmm_thread_leave(heap);
}

static bool resize_in_place(void *p, const struct lmm_block_facts *facts, size_t n)
{
    size_t old_bytes = block_bytes(facts->family, facts->tag, facts->slots);
    size_t bytes = block_bytes(facts->family, facts->tag, n);
    bool shrinks = n < facts->slots;

    if (facts->page->kind == LMM_PAGE_SLOTS) {
        return false;
    }
    if (lmm_tools_active && shrinks) {
        /* Before the end is given back: then another thread may get it. */
        lmm_tools_block_shrinks(p, old_bytes, bytes);
    }
    if (!lmm_run_resize(&facts->family->runs, facts->page, facts->slot, n)) {
        if (lmm_tools_active && shrinks) {
            lmm_tools_shrink_undone(p, old_bytes, bytes);
        }
        return false;
    }
    count_resize(facts, n);
    if (!shrinks) {
        if (lmm_tools_active) {
            lmm_tools_block_grows(p, old_bytes, bytes);
        }
        memset((char *) p + old_bytes, 0, bytes - old_bytes);
    }
    return true;
}

/* lmm_block_resize() without limits. */
static void *resize_unlimited(void *p, const struct lmm_block_facts *facts, size_t n)
{
    lmm_thread_settle(); /* before the gauges change */
    if (n == facts->slots || resize_in_place(p, facts, n)) {
        return p;
    }
    bool grows = n > facts->slots;
    void *moved = alloc_unlimited(facts->family, lmm_tag_site(facts->tag), n, 1, grows);
    if (moved != NULL) {
        memcpy(moved, p, block_bytes(facts->family, facts->tag, grows ? facts->slots : n));
        lmm_block_free(p);
    }
    return moved;
}

void *lmm_block_resize(void *p, const struct lmm_block_facts *facts, size_t n)
{
    enum lmm_limit_verdict verdict = LMM_LIMIT_FREE;

    if (lmm_limit_is_set(facts->family) && n > facts->slots) {
        verdict = take_of_limit(facts->family, (n - facts->slots) * facts->family->size);
        if (verdict == LMM_LIMIT_REFUSED) {
            return NULL;
        }
    }
    void *resized = resize_unlimited(p, facts, n);
    if (verdict == LMM_LIMIT_PAST_SOFT) {
        lmm_limit_tell(facts->family);
    }
    return resized;
}

/* ---- Reshaping ------------------------------------------------------------------------------- */

/* Counts a block's old shape as freed and its new one as allocated. */
static void count_reshape(const struct lmm_block_facts *facts, size_t n, uint32_t live_value)
{
    struct lmm_heap *heap = lmm_thread_enter();
    struct lmm_ledger_row born = born_block(facts->family, live_value, n);

    count_free(heap, facts->tag, lmm_family_extra(facts->family, facts->tag, facts->slots), false);
    lmm_heap_count(heap, lmm_tag_site(live_value), &born);
    lmm_heap_note(heap, facts->family, n > facts->slots ? n - facts->slots : facts->slots - n);
    lmm_thread_leave(heap);
}

/* Copies a block to a span of n slots, which has room to grow. Gives its run back to its page: in the
 * cache of freed runs it would wait until its memory is cold. */
static void *grow_into_span(void *p, const struct lmm_block_facts *facts, size_t n,
                            uint32_t live_value)
{
    struct lmm_runs *runs = &facts->family->runs;
    char *block = lmm_span_take_growing(runs, n, live_value);

    if (block == NULL) {
        return NULL;
    }
    memcpy(block, p, facts->slots * runs->stride);
    mark_run_freed(0, &facts->page->tags[facts->slot], p);
    lmm_run_give(runs, facts->page, facts->slot, facts->slots);
    return block;
}

/* Gives the block n slots where it is, or, for a long one, elsewhere. Returns its first byte; NULL
 * when it must be copied as any other block. */
static void *reshape_run(void *p, const struct lmm_block_facts *facts, size_t n,
                         uint32_t live_value)
{
    struct lmm_runs *runs = &facts->family->runs;
    struct lmm_page *page = facts->page;

    if (n == facts->slots ||
        (page->kind != LMM_PAGE_SLOTS && lmm_run_resize(runs, page, facts->slot, n))) {
        return p;
    }
    if (n < facts->slots || n * runs->stride <= LMM_SPAN_GROWING_BYTES || lmm_tools_active ||
        lmm_limit_is_set(facts->family)) {
        return NULL;
    }
    bool is_span = page->kind == LMM_PAGE_SPAN || lmm_run_become_span(runs, page, facts->slot);
    void *extended = !is_span                         ? NULL
                     : lmm_span_extend(runs, page, n) ? p
                                                      : lmm_span_remap(runs, page, n);
    return extended != NULL ? extended : grow_into_span(p, facts, n, live_value);
}

void *lmm_block_reshape(void *p, const struct lmm_block_facts *facts, size_t n, uint32_t live_value)
{
    lmm_thread_settle(); /* before the gauges change */
    void *reshaped = reshape_run(p, facts, n, live_value);
    if (reshaped == NULL) {
        return NULL;
    }
    struct lmm_page *page = lmm_page_of((uintptr_t) reshaped);
    size_t slot = page->kind == LMM_PAGE_SPAN ? 0 : facts->slot;
    lmm_page_set_tag(page, slot, LMM_TAG_LIVE_BASE | live_value);
    count_reshape(facts, n, live_value);
    if (n > facts->slots && lmm_tools_active) {
        lmm_tools_block_grows(reshaped, facts->slots * facts->family->stride,
                              n * facts->family->stride);
    }
    return reshaped;
}

void lmm_block_ignore(void *p, const struct lmm_block_facts *facts)
{
    lmm_block_reshape(p, facts, facts->slots, ignored_value(facts->family, facts->tag));
}
