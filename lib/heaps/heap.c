/* SPDX-License-Identifier: MIT */
#include "lib/heaps/heap.h"

#include "lib/ground/tools.h"
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/reservoir.h"
#include "lib/pages/memory.h"
#include "lib/pages/slots.h"

#include <errno.h>
#include <string.h>

enum {
    COUNTDOWN_FAR = 1 << 30, /* target of a bin's current page: no event */
    BINS_FIRST = 64,
};

bool lmm_heap_init(struct lmm_heap *heap, uint32_t number, bool is_shared)
{
    memset(heap, 0, sizeof(*heap));
    lmm_lock_init(&heap->lock, LMM_RANK_HEAP);
    heap->number = number;
    heap->is_shared = is_shared;
    heap->open.heap = heap;
    return lmm_heap_open_sites(heap);
}

/* ---- Tables ------------------------------------------------------------------------------------ */

static void clear_bins(struct lmm_bin *bins, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        bins[i] = (struct lmm_bin) {.head = LMM_TAG_END};
    }
}

static bool grow_bins_locked(struct lmm_heap *heap, uint32_t families)
{
    if (families <= heap->bin_capacity) {
        return true;
    }
    uint32_t capacity = heap->bin_capacity == 0 ? BINS_FIRST : heap->bin_capacity;
    while (capacity < families) {
        capacity *= 2;
    }
    struct lmm_bin *bins = lmm_meta_alloc(&lmm_arena_records, capacity * sizeof(*bins));
    if (bins == NULL) {
        return false;
    }
    if (heap->bin_capacity != 0) {
        memcpy(bins, heap->open.bins, heap->bin_capacity * sizeof(*bins));
        lmm_meta_free(&lmm_arena_records, heap->open.bins, heap->bin_capacity * sizeof(*bins));
    }
    clear_bins(bins, heap->bin_capacity, capacity);
    heap->open.bins = bins;
    heap->bin_capacity = capacity;
    return true;
}

bool lmm_heap_open_sites(struct lmm_heap *heap)
{
    lmm_lock_acquire(&heap->lock);
    /* Sites first: a site's family is in the registry before the site is. One whose family is still
     * being entered cannot be allocated from yet. */
    uint32_t sites = lmm_accounts_site_count();
    uint32_t families = lmm_accounts_family_count();
    bool done = grow_bins_locked(heap, families) &&
                lmm_rows_grow(heap->number, sites, &heap->rows) &&
                (!LMM_DROP_IN || lmm_options.stack_frames == 0 ||
                 lmm_temporaries_grow(heap->number, sites, &heap->temporaries));
    if (done) {
        heap->open.rows = heap->rows.row;
        heap->open.site_limit = sites;
    }
    lmm_lock_release(&heap->lock);
    return done;
}

struct lmm_family_pages *lmm_heap_family_pages(struct lmm_heap *heap,
                                               const struct lmm_family *family)
{
    struct lmm_bin *bin = &heap->open.bins[family->index];

    if (bin->family_pages == NULL) {
        struct lmm_family_pages *family_pages = lmm_meta_zalloc(sizeof(*family_pages));
        if (family_pages == NULL) {
            return NULL;
        }
        glpq_init(&family_pages->queue);
        glthread_init(&family_pages->pages);
        bin->family_pages = family_pages;
    }
    return bin->family_pages;
}

void lmm_heap_count(struct lmm_heap *heap, uint32_t site, const struct lmm_ledger_row *delta)
{
    if (site >= heap->open.site_limit && !lmm_heap_open_sites(heap)) {
        lmm_rows_count_shared(site, delta);
        return;
    }
    lmm_row_add(&heap->open.rows[site], delta);
}

/* ---- Pages ------------------------------------------------------------------------------------- */

/* Fewer free slots than this are not worth a page's turn: under 0.8 % of it. */
static uint32_t threshold(const struct lmm_page *page)
{
    return 1 + page->slots / 128;
}

/* Arms the countdown of a page with `free` free slots for when it has `target`. */
static void arm(struct lmm_page *page, uint32_t free, uint32_t target)
{
    page->target = target;
    lmm_store_relaxed(&page->countdown, target - free);
}

static void unqueue(struct lmm_family_pages *family_pages, struct lmm_page *page)
{
    if (page->queued) {
        glpq_remove(&family_pages->queue, &page->node);
        page->queued = 0;
    }
}

static void enqueue(struct lmm_family_pages *family_pages, struct lmm_page *page, uint32_t free)
{
    uint32_t key = lmm_log2(free);
    uint32_t target = (uint32_t) 2 << key;

    if (!page->queued) {
        glpq_insert(&family_pages->queue, &page->node, key);
        page->queued = 1;
    } else if (page->node.key != key) {
        glpq_rekey(&family_pages->queue, &page->node, key);
    }
    arm(page, free, target < page->slots ? target : page->slots);
}

static void give_page_back(struct lmm_family_pages *family_pages, struct lmm_page *page)
{
    char *base = lmm_page_base(page);
    struct lmm_family *family = lmm_families_at(page->family);

    unqueue(family_pages, page);
    glthread_remove(&page->glue);
    arm(page, page->slots, page->slots);
    lmm_accounts_count_committed(family->record, -(int64_t) lmm_memory_committed_bytes(page));
    lmm_accounts_count_page(family->record, -1, LMM_UNIT_BYTES, page->slots);
    lmm_slots_destroy(page);
    lmm_tools_page_ends(base, LMM_UNIT_BYTES);
    lmm_reservoir_put(base, 1);
}

/* Gives a page that is not current back when it is wholly free, else queues it by its free slots. */
static void requeue(struct lmm_family_pages *family_pages, struct lmm_page *page, uint32_t free)
{
    if (free == page->slots) {
        give_page_back(family_pages, page);
    } else if (free >= threshold(page)) {
        enqueue(family_pages, page, free);
    } else {
        unqueue(family_pages, page);
        arm(page, free, threshold(page));
    }
}

void lmm_heap_page_event(struct lmm_heap *heap, struct lmm_page *page)
{
    lmm_lock_acquire(&heap->lock);
    requeue(heap->open.bins[page->family].family_pages, page, lmm_slots_free_count(page));
    lmm_lock_release(&heap->lock);
}

static struct lmm_page *add_page(struct lmm_heap *heap, struct lmm_family_pages *family_pages,
                                 struct lmm_family *family)
{
    bool fresh;
    char *base = lmm_reservoir_take(1, &fresh);

    if (base == NULL) {
        return NULL;
    }
    struct lmm_page *page =
        lmm_slots_create(base, (uint16_t) family->index, (uint32_t) family->stride, fresh);
    if (page == NULL) {
        lmm_reservoir_put(base, 1);
        return NULL;
    }
    lmm_tools_page_begins(base, LMM_UNIT_BYTES);
    lmm_store_relaxed(&page->owner, heap);
    glthread_insert_before(&family_pages->pages, &page->glue);
    lmm_accounts_count_page(family->record, 1, LMM_UNIT_BYTES, page->slots);
    lmm_accounts_count_committed(family->record, (int64_t) lmm_memory_committed_bytes(page));
    return page;
}

void lmm_heap_push_own(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot)
{
    lmm_store_relaxed(&page->tags[slot], page->head);
    page->head = slot;
    if (lmm_count_down_single_writer(&page->countdown)) {
        lmm_heap_page_event(heap, page);
    }
}

/* ---- Collecting what other threads freed ---------------------------------------------------------- */

/* The last slot of a list. */
static uint32_t list_tail(const struct lmm_page *page, uint32_t head)
{
    uint32_t next = lmm_load_relaxed(&page->tags[head]);

    while (!lmm_slots_list_ends(page, next)) {
        head = next;
        next = lmm_load_relaxed(&page->tags[head]);
    }
    return head;
}

/* Puts a list of slots before the page's own. */
static void splice(struct lmm_page *page, uint32_t head)
{
    if (page->head != LMM_TAG_END) {
        lmm_store_relaxed(&page->tags[list_tail(page, head)], page->head);
    }
    page->head = head;
}

static void collect_page(struct lmm_heap *heap, struct lmm_page *page)
{
    uint64_t foreign = lmm_exchange_acq_rel(&page->foreign, lmm_foreign_list(LMM_TAG_END, 0));
    uint32_t count = (uint32_t) (foreign >> 32);
    struct lmm_bin *bin = &heap->open.bins[page->family];

    splice(page, (uint32_t) foreign);
    uint32_t countdown = lmm_load_relaxed(&page->countdown);
    if (page == bin->page || count < countdown) {
        lmm_store_relaxed(&page->countdown, countdown - count);
    } else {
        requeue(bin->family_pages, page, lmm_slots_free_count(page) + count);
    }
}

/* Takes in what other threads freed. A page may be reported anew as soon as its list was taken, so its
 * link is read before. */
static void collect_foreign(struct lmm_heap *heap)
{
    if (lmm_load_relaxed(&heap->reported) == NULL) {
        return;
    }
    struct lmm_page *page = lmm_exchange_acq_rel(&heap->reported, NULL);
    while (page != NULL) {
        struct lmm_page *next = lmm_load_relaxed(&page->reported);
        collect_page(heap, page);
        page = next;
    }
}

/* ---- Refilling ----------------------------------------------------------------------------------- */

/* Whether the page's own list is worth taking over, rather than threading more slots. */
static bool takes_own_list(const struct lmm_page *page)
{
    if (page->head == LMM_TAG_END) {
        return false;
    }
    uint32_t listed = lmm_slots_listed(page);
    return listed >= threshold(page) || listed == lmm_slots_free_count(page);
}

/* Makes page current and hands its list, or newly threaded slots, to the bin; returns how many. */
static uint32_t take_slots(struct lmm_bin *bin, struct lmm_page *page)
{
    uint32_t free = lmm_slots_free_count(page);
    size_t committed = lmm_memory_committed_bytes(page);
    uint32_t count;

    if (takes_own_list(page)) {
        count = lmm_slots_listed(page);
        bin->head = page->head;
        page->head = LMM_TAG_END;
    } else {
        bin->head = lmm_slots_thread(page, &count);
        lmm_accounts_count_committed(lmm_families_at(page->family)->record,
                                     (int64_t) (lmm_memory_committed_bytes(page) - committed));
    }
    arm(page, free - count, COUNTDOWN_FAR);
    bin->page = page;
    bin->tags = page->tags;
    bin->base = lmm_page_base(page);
    bin->stride = page->stride;
    return count;
}

/* Puts the rest of the private list back onto its page; the bin has no page then. */
static void retire_current(struct lmm_bin *bin, bool keep_empty)
{
    struct lmm_page *page = bin->page;

    if (page == NULL) {
        return;
    }
    uint32_t free = lmm_slots_free_count(page);
    if (bin->head != LMM_TAG_END) {
        for (uint32_t slot = bin->head; !lmm_slots_list_ends(page, slot);
             slot = lmm_load_relaxed(&page->tags[slot])) {
            free++;
        }
        splice(page, bin->head);
        bin->head = LMM_TAG_END;
    }
    bin->page = NULL;
    if (keep_empty && free == page->slots) {
        lmm_slots_start_afresh(page);
        enqueue(bin->family_pages, page, free); /* about to be taken again */
    } else {
        requeue(bin->family_pages, page, free);
    }
}

/* A page of the family with any free slot at all, for when there is no new page to be had. */
static struct lmm_page *scavenge(const struct lmm_family_pages *family_pages)
{
    for (struct glthread *at = glthread_first(&family_pages->pages); at != NULL;
         at = glthread_next(&family_pages->pages, at)) {
        struct lmm_page *page = GLTHREAD_ENTRY(at, struct lmm_page, glue);
        if (lmm_slots_free_count(page) != 0) {
            return page;
        }
    }
    return NULL;
}

/* The page to allocate from next: most free slots first, else a new one, else whatever has one. */
static struct lmm_page *choose_page(struct lmm_heap *heap, struct lmm_family_pages *family_pages,
                                    struct lmm_family *family)
{
    struct glpq_node *largest = glpq_largest(&family_pages->queue);
    struct lmm_page *page;

    if (largest != NULL) {
        page = GLTHREAD_ENTRY(largest, struct lmm_page, node);
    } else {
        page = add_page(heap, family_pages, family);
        page = page != NULL ? page : scavenge(family_pages);
    }
    if (page != NULL) {
        unqueue(family_pages, page);
    }
    return page;
}

static size_t trim_locked(struct lmm_heap *heap);

static bool refill_locked(struct lmm_heap *heap, struct lmm_family *family, struct lmm_bin *bin)
{
    struct lmm_family_pages *family_pages = lmm_heap_family_pages(heap, family);

    if (family_pages == NULL) {
        return false;
    }
    collect_foreign(heap);
    if (lmm_load_relaxed(&heap->trim_wanted)) {
        trim_locked(heap);
    }
    retire_current(bin, true);
    struct lmm_page *page = choose_page(heap, family_pages, family);
    if (page == NULL) {
        errno = ENOMEM;
        return false;
    }
    lmm_family_note_taken(family, take_slots(bin, page));
    LMM_CHECK(lmm_slots_are_valid(page, bin->head));
    return true;
}

bool lmm_heap_refill(struct lmm_heap *heap, struct lmm_family *family)
{
    struct lmm_bin *bin = &heap->open.bins[family->index];

    if (LMM_UNLIKELY(bin->head != LMM_TAG_END)) {
        /* A mark in the list: a block on it was freed by another thread at the same time. */
        lmm_panic("double free: by two threads at once (%s)", family->name);
    }
    if (bin->page != NULL && takes_own_list(bin->page) &&
        lmm_load_relaxed(&heap->reported) == NULL && !lmm_load_relaxed(&heap->trim_wanted)) {
        /* The common case of a small live set. Nothing that others look at under the lock moves. */
        lmm_family_note_taken(family, take_slots(bin, bin->page));
        return true;
    }
    lmm_lock_acquire(&heap->lock);
    bool done = refill_locked(heap, family, bin);
    lmm_lock_release(&heap->lock);
    return done;
}

/* ---- Settling and trimming ----------------------------------------------------------------------- */

/* A page that was wholly free when it was retired stays queued until it is taken again. */
static void give_empty_pages_back(struct lmm_family_pages *family_pages)
{
    struct glthread *next;

    for (struct glthread *at = glthread_first(&family_pages->pages); at != NULL; at = next) {
        struct lmm_page *page = GLTHREAD_ENTRY(at, struct lmm_page, glue);
        next = glthread_next(&family_pages->pages, at);
        if (lmm_slots_free_count(page) == page->slots) {
            give_page_back(family_pages, page);
        }
    }
}

static void settle_locked(struct lmm_heap *heap)
{
    collect_foreign(heap);
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_bin *bin = &heap->open.bins[i];
        retire_current(bin, false);
        if (bin->family_pages != NULL) {
            give_empty_pages_back(bin->family_pages);
        }
    }
}

void lmm_heap_settle(struct lmm_heap *heap)
{
    lmm_lock_acquire(&heap->lock);
    settle_locked(heap);
    lmm_lock_release(&heap->lock);
}

static size_t trim_family_pages(struct lmm_family_pages *family_pages)
{
    size_t bytes = 0;

    for (struct glthread *at = glthread_first(&family_pages->pages); at != NULL;
         at = glthread_next(&family_pages->pages, at)) {
        struct lmm_page *page = GLTHREAD_ENTRY(at, struct lmm_page, glue);
        size_t trimmed = lmm_slots_trim(page);
        lmm_accounts_count_committed(lmm_families_at(page->family)->record, -(int64_t) trimmed);
        bytes += trimmed;
    }
    return bytes;
}

static size_t trim_locked(struct lmm_heap *heap)
{
    size_t bytes = 0;

    lmm_store_relaxed(&heap->trim_wanted, false);
    settle_locked(heap);
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        if (heap->open.bins[i].family_pages != NULL) {
            bytes += trim_family_pages(heap->open.bins[i].family_pages);
        }
    }
    return bytes;
}

size_t lmm_heap_trim(struct lmm_heap *heap)
{
    lmm_lock_acquire(&heap->lock);
    size_t bytes = trim_locked(heap);
    lmm_lock_release(&heap->lock);
    return bytes;
}

void lmm_heap_want_trim(struct lmm_heap *heap)
{
    lmm_store_relaxed(&heap->trim_wanted, true);
}

/* ---- After a fork -------------------------------------------------------------------------------- */

static void rebuild_family_pages(struct lmm_family_pages *family_pages)
{
    struct glthread *at = glthread_first(&family_pages->pages);

    glpq_init(&family_pages->queue);
    while (at != NULL) {
        struct lmm_page *page = GLTHREAD_ENTRY(at, struct lmm_page, glue);
        at = glthread_next(&family_pages->pages, at);
        page->queued = 0;
        lmm_store_relaxed(&page->foreign, lmm_foreign_list(LMM_TAG_END, 0));
        requeue(family_pages, page, lmm_slots_rebuild(page));
    }
}

void lmm_heap_rebuild(struct lmm_heap *heap)
{
    lmm_lock_acquire(&heap->lock);
    lmm_store_relaxed(&heap->reported, NULL);
    memset(heap->batch, 0, sizeof(heap->batch));
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_bin *bin = &heap->open.bins[i];
        bin->head = LMM_TAG_END;
        bin->page = NULL;
        if (bin->family_pages != NULL) {
            rebuild_family_pages(bin->family_pages);
        }
    }
    lmm_lock_release(&heap->lock);
}

/* ---- Validity -------------------------------------------------------------------------------------- */

static bool family_pages_are_valid(const struct lmm_bin *bin)
{
    uint32_t queued = 0;

    for (struct glthread *at = glthread_first(&bin->family_pages->pages); at != NULL;
         at = glthread_next(&bin->family_pages->pages, at)) {
        const struct lmm_page *page = GLTHREAD_ENTRY(at, struct lmm_page, glue);
        bool current = page == bin->page;
        queued += page->queued;
        if ((current && page->queued) ||
            (!current && !page->queued && lmm_slots_free_count(page) >= threshold(page)) ||
            !lmm_slots_are_valid(page, current ? bin->head : (uint32_t) LMM_TAG_END)) {
            return false;
        }
    }
    return queued == bin->family_pages->queue.count &&
           glpq_is_valid(&bin->family_pages->queue, false);
}

bool lmm_heap_is_valid(const struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        const struct lmm_bin *bin = &heap->open.bins[i];
        if (bin->family_pages != NULL && !family_pages_are_valid(bin)) {
            return false;
        }
    }
    return true;
}
