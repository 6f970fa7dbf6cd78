/* SPDX-License-Identifier: MIT */
#include "lib/heaps/heap.h"

#include "lib/ground/meta.h"
#include "lib/heaps/tracer.h"
#include "lib/pages/limit.h"
#include "lib/pages/memory.h"
#include "lib/pages/slots.h"

#include <errno.h>
#include <string.h>

enum {
    COUNTDOWN_FAR = 1 << 30, /* target of a bin's current page, so that it has no event */
    BINS_FIRST = 64,
    DIRECTORY_FIRST = 8, /* groups of sites */
    BATCH_SLOTS_BYTES = LMM_BATCHES * LMM_BATCH_SLOTS * (int) sizeof(uint32_t),
};

/* ---- The directory ---------------------------------------------------------------------------- */

/* The word before a directory is *open.limit_in_parent: both are zeroed in child processes. */
static uintptr_t *create_directory(uint32_t capacity)
{
    size_t bytes = (capacity + 1) * sizeof(uintptr_t);
    uintptr_t *words = lmm_meta_alloc(&lmm_arena_wiped, bytes);

    return words != NULL ? (uintptr_t *) memset(words, 0, bytes) + 1 : NULL;
}

static void free_directory(uintptr_t *directory, uint32_t capacity)
{
    if (capacity != 0) {
        lmm_meta_free(&lmm_arena_wiped, directory - 1, (capacity + 1) * sizeof(uintptr_t));
    }
}

/* Undoes what lmm_heap_init() has done. */
static void give_up(struct lmm_heap *heap)
{
    free_directory(heap->open.directory, heap->directory_capacity);
    if (heap->bin_capacity != 0) {
        lmm_meta_free(&lmm_arena_records, heap->open.bins,
                      heap->bin_capacity * sizeof(*heap->open.bins));
    }
    if (heap->tracer != NULL) {
        lmm_meta_free(&lmm_arena_records, heap->tracer, sizeof(*heap->tracer));
    }
    if (heap->batch_slots != NULL) {
        lmm_meta_free(&lmm_arena_records, heap->batch_slots, BATCH_SLOTS_BYTES);
    }
    lmm_meta_free(&lmm_arena_records, heap->lock, LMM_CACHE_LINE_BYTES);
}

static struct lmm_tracer *new_tracer(void)
{
    struct lmm_tracer *tracer = lmm_meta_alloc(&lmm_arena_records, sizeof(*tracer));

    if (tracer != NULL) {
        lmm_tracer_clear(tracer);
    }
    return tracer;
}

/* The slots are apart from the heap, so that those of batches that are never used stay untouched. */
static bool init_batches(struct lmm_heap *heap)
{
    heap->batch_slots = lmm_meta_alloc(&lmm_arena_records, BATCH_SLOTS_BYTES);
    if (heap->batch_slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < LMM_BATCHES; i++) {
        heap->batch[i].slot = heap->batch_slots + i * LMM_BATCH_SLOTS;
    }
    return true;
}

bool lmm_heap_init(struct lmm_heap *heap, uint32_t number, bool is_shared, bool takes_stacks)
{
    memset(heap, 0, sizeof(*heap));
    heap->lock = lmm_meta_zalloc(LMM_CACHE_LINE_BYTES); /* no owner waits for another's line */
    if (heap->lock == NULL) {
        return false;
    }
    lmm_lock_init(heap->lock, LMM_RANK_HEAP);
    heap->number = number;
    heap->is_shared = is_shared;
    heap->open.heap = heap;
    heap->open.magazines = &lmm_no_magazines;
    heap->reap_at = LMM_REAP_PAGES;
    heap->tracer = takes_stacks ? new_tracer() : NULL;
    /* The bins come next to the heap, and what many heaps never touch after them. */
    if ((takes_stacks && heap->tracer == NULL) || !lmm_heap_open_sites(heap) ||
        !init_batches(heap)) {
        give_up(heap);
        return false;
    }
    return true;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

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
    for (uint32_t i = heap->bin_capacity; i < capacity; i++) {
        bins[i] = (struct lmm_bin) {.head = LMM_TAG_END};
    }
    heap->open.bins = bins;
    heap->bin_capacity = capacity;
    return true;
}

static bool grow_directory_locked(struct lmm_heap *heap, uint32_t sites)
{
    uint32_t capacity = heap->directory_capacity == 0 ? DIRECTORY_FIRST : heap->directory_capacity;

    while (capacity << LMM_ROWS_SHIFT < sites) {
        capacity *= 2;
    }
    if (capacity == heap->directory_capacity) {
        return true;
    }
    uintptr_t *directory = create_directory(capacity);
    if (directory == NULL) {
        return false;
    }
    if (heap->directory_capacity != 0) {
        memcpy(directory, heap->open.directory, heap->directory_capacity * sizeof(*directory));
    }
    free_directory(heap->open.directory, heap->directory_capacity);
    heap->open.directory = directory;
    heap->open.limit_in_parent = (uint32_t *) (directory - 1);
    heap->directory_capacity = capacity;
    return true;
}

bool lmm_heap_open_sites(struct lmm_heap *heap)
{
    lmm_lock_acquire(heap->lock);
    /* Sites are counted before families: a site is added after its family. A family that is being
     * registered has no allocations yet. */
    uint32_t sites = lmm_accounts_site_count();
    uint32_t families = lmm_accounts_family_count();
    bool done = grow_bins_locked(heap, families) && grow_directory_locked(heap, sites);
    if (done) {
        heap->open.site_limit = sites;
        lmm_open_set_first_limit(&heap->open, lmm_open_first_limit(&heap->open));
        /* This thread's tags of these sites come with the sites' records: the fast paths store tags relaxed.
         * Partner: lmm_series_records(), by which who has read a tag finds the record. */
        __atomic_thread_fence(__ATOMIC_RELEASE);
    }
    lmm_lock_release(heap->lock);
    return done;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

void lmm_heap_page_event(struct lmm_heap *heap, struct lmm_page *page)
{
    lmm_lock_acquire(heap->lock);
    /* Only this thread creates pages of its heap, so it cannot be another one of them. */
    if (lmm_load_relaxed(&page->owner) == heap) {
        LMM_CHECK(lmm_load_relaxed(&page->countdown) == 0);
        uint32_t free = lmm_slots_free_count(page);
        lmm_heap_note(heap, lmm_families_at(page->family), free);
        lmm_family_pages_requeue(heap->open.bins[page->family].family_pages, page, free);
    }
    lmm_lock_release(heap->lock);
}

void lmm_heap_push_own(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot, uint32_t site)
{
    LMM_CHECK(page->owner == heap);
    lmm_heap_list_own(heap, page, slot, site);
}

/* ---- Collecting what other threads freed ----------------------------------------------------- */

/* Many threads push onto this stack; one takes all of it at once, so a push cannot meet a node that
 * left and came back (no ABA). */
void lmm_heap_report(struct lmm_heap *owner, struct lmm_page *page)
{
    struct lmm_page *top = lmm_load_relaxed(&owner->reported);

    do {
        lmm_store_relaxed(&page->reported, top);
    } while (!lmm_compare_exchange_acq_rel(&owner->reported, &top, page));
}

/* Puts a list of slots before the page's own. */
static void splice(struct lmm_page *page, uint32_t head)
{
    if (page->head != LMM_TAG_END) {
        uint32_t last = head;
        for (uint32_t slot = head; !lmm_slots_list_ends(page, slot);
             slot = lmm_load_relaxed(&page->tags[slot])) {
            last = slot;
        }
        lmm_page_set_tag(page, last, page->head);
    }
    page->head = head;
    page->head_site = LMM_SITE_NONE;
}

/* How many complete pages are worth a walk over the reported ones, of which so many are left: so
 * that a page is passed eight times at most, on average. */
static void set_reap_at(struct lmm_heap *heap, uint32_t left)
{
    uint32_t least = lmm_load_relaxed(&heap->is_idle) ? 1 : LMM_REAP_PAGES;

    lmm_store_relaxed(&heap->reap_at, least + left / 8);
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
        lmm_family_pages_requeue(bin->family_pages, page, lmm_slots_free_count(page) + count);
    }
}

/* Collects what other threads freed. A page may be reported again as soon as its list is taken, so
 * its link is read before that. Acquire order: a slot's tag is seen as its freeing thread left
 * it. */
static void collect_foreign(struct lmm_heap *heap)
{
    if (lmm_load_relaxed(&heap->reported) == NULL) {
        return;
    }
    lmm_store_relaxed(&heap->complete, 0);
    set_reap_at(heap, 0);
    struct lmm_page *page = lmm_exchange_acq_rel(&heap->reported, NULL);
    while (page != NULL) {
        struct lmm_page *next = lmm_load_relaxed(&page->reported);
        collect_page(heap, page);
        page = next;
    }
}

/* ---- Taking pages that other threads freed wholly --------------------------------------------- */

/* Whether a page of the heap is free and its owner has left it; see lmm_heap_reap(). */
static bool is_left(const struct lmm_page *page)
{
    uint32_t target = lmm_load_relaxed(&page->target);
    uint32_t free = target - lmm_load_acquire(&page->countdown);

    return target != COUNTDOWN_FAR &&
           free + (lmm_load_acquire(&page->foreign) >> 32) == page->slots;
}

static size_t reap_locked(struct lmm_heap *heap)
{
    size_t bytes = 0;
    uint32_t left = 0;

    lmm_store_relaxed(&heap->complete, 0);
    struct lmm_page *page = lmm_exchange_acq_rel(&heap->reported, NULL);
    while (page != NULL) {
        struct lmm_page *next = lmm_load_relaxed(&page->reported);
        if (is_left(page)) {
            lmm_family_pages_requeue(heap->open.bins[page->family].family_pages, page, page->slots);
            bytes += LMM_UNIT_BYTES;
        } else {
            lmm_heap_report(heap, page);
            left++;
        }
        page = next;
    }
    set_reap_at(heap, left);
    return bytes;
}

size_t lmm_heap_reap(struct lmm_heap *heap, bool must_wait)
{
    int saved_errno = errno;

    if (must_wait) {
        lmm_lock_acquire(heap->lock);
    } else if (!lmm_lock_try(heap->lock)) {
        return 0;
    }
    size_t bytes = reap_locked(heap);
    lmm_lock_release(heap->lock);
    errno = saved_errno;
    return bytes;
}

void lmm_heap_set_idle(struct lmm_heap *heap, bool is_idle)
{
    lmm_store_relaxed(&heap->is_idle, is_idle);
    set_reap_at(heap, 0);
}

/* ---- The page of a bin ----------------------------------------------------------------------- */

/* How many slots the page's own list has when it is taken over; 0: more slots are threaded instead. */
static uint32_t count_own_list(const struct lmm_page *page)
{
    if (page->head == LMM_TAG_END) {
        return 0;
    }
    uint32_t listed = lmm_slots_listed(page);
    bool takes = listed >= lmm_family_pages_threshold(page) || listed == lmm_slots_free_count(page);
    return takes ? listed : 0;
}

/* Puts the slots of the private list after the first `max` of `count` back onto the page's own list;
 * returns how many are left. */
static uint32_t shorten_list(const struct lmm_bin *bin, struct lmm_page *page, uint32_t count,
                             uint32_t max)
{
    if (LMM_LIKELY(count <= max)) {
        return count;
    }
    uint32_t last = bin->head;
    for (uint32_t i = 1; i < max; i++) {
        last = lmm_load_relaxed(&page->tags[last]);
    }
    uint32_t rest = lmm_load_relaxed(&page->tags[last]);
    lmm_page_set_tag(page, last, LMM_TAG_END);
    splice(page, rest);
    return max;
}

/* Gives the list of the bin's page, or the newly threaded slots, to the bin: `count` from head on. Returns
 * how many. */
static uint32_t give_list(struct lmm_family *family, struct lmm_bin *bin, uint32_t head,
                          uint32_t count)
{
    struct lmm_page *page = bin->page;
    uint32_t free = lmm_slots_free_count(page);

    bin->head = head;
    count = shorten_list(bin, page, count, lmm_limit_max_slots(family));
    lmm_limit_note_list(family, count);
    lmm_family_pages_arm(page, free - count, COUNTDOWN_FAR);
    bin->family_pages->is_used = true;
    return count;
}

/* The same for the page's own list. */
static uint32_t give_own_list(struct lmm_family *family, struct lmm_bin *bin, uint32_t count)
{
    uint32_t head = bin->page->head;

    bin->page->head = LMM_TAG_END;
    bin->page->head_site &= ~(uint32_t) LMM_PAGE_SITES; /* blocks of one site may follow */
    return give_list(family, bin, head, count);
}

/* Makes page current and gives its list, or newly threaded slots, to the bin; returns how many. */
static uint32_t take_slots(struct lmm_family *family, struct lmm_bin *bin, struct lmm_page *page)
{
    uint32_t count = count_own_list(page);

    bin->page = page;
    bin->tags = page->tags;
    bin->base = lmm_page_base(page);
    bin->stride = page->stride;
    if (count != 0) {
        return give_own_list(family, bin, count);
    }
    size_t committed = lmm_memory_committed_bytes(page);
    uint32_t head = lmm_slots_thread(page, &count);
    lmm_accounts_count_committed(family->record,
                                 (int64_t) (lmm_memory_committed_bytes(page) - committed));
    return give_list(family, bin, head, count);
}

/* Puts what is left of the private list back onto its page; the bin has no page then. */
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
        lmm_family_pages_keep_empty(bin->family_pages, page); /* about to be taken again */
    } else {
        lmm_family_pages_requeue(bin->family_pages, page, free);
    }
}

/* ---- Families that are not in use ------------------------------------------------------------- */

static uint32_t count_private(const struct lmm_bin *bin)
{
    uint32_t count = 0;

    for (uint32_t slot = bin->head; !lmm_slots_list_ends(bin->page, slot);
         slot = lmm_load_relaxed(&bin->tags[slot])) {
        count++;
    }
    return count;
}

static void give_back_if_free(struct lmm_bin *bin)
{
    uint32_t free = lmm_slots_free_count(bin->page);

    if (free + count_private(bin) == bin->page->slots) {
        retire_current(bin, false);
    } else {
        bin->family_pages->checked_free = free;
    }
}

/*
 * Each slow path looks at one bin, in turn. A bin that has taken no slots for two turns is not in
 * use, and its page goes back when it is wholly free. So a family in use keeps its last page.
 */
static void look_at_next_bin_locked(struct lmm_heap *heap)
{
    heap->looked_at = heap->looked_at + 1 < heap->bin_capacity ? heap->looked_at + 1 : 0;
    struct lmm_bin *bin = &heap->open.bins[heap->looked_at];
    struct lmm_family_pages *family_pages = bin->family_pages;

    if (bin->page == NULL) {
        return;
    }
    if (family_pages->is_used) {
        family_pages->is_used = false;
        family_pages->checked_free = UINT32_MAX;
    } else if (lmm_slots_free_count(bin->page) != family_pages->checked_free) {
        give_back_if_free(bin);
    }
}

void lmm_heap_tidy(struct lmm_heap *heap)
{
    lmm_lock_acquire(heap->lock);
    collect_foreign(heap);
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        if (heap->open.bins[i].page != NULL) {
            give_back_if_free(&heap->open.bins[i]);
        }
    }
    lmm_lock_release(heap->lock);
}

/* ---- Settling and trimming ------------------------------------------------------------------- */

static void settle_locked(struct lmm_heap *heap)
{
    collect_foreign(heap);
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_bin *bin = &heap->open.bins[i];
        retire_current(bin, false);
        if (bin->family_pages != NULL) {
            lmm_family_pages_give_empty_back(bin->family_pages);
        }
    }
}

void lmm_heap_settle(struct lmm_heap *heap)
{
    lmm_lock_acquire(heap->lock);
    settle_locked(heap);
    lmm_lock_release(heap->lock);
}

static size_t trim_locked(struct lmm_heap *heap)
{
    size_t bytes = 0;

    lmm_store_relaxed(&heap->trim_wanted, false);
    settle_locked(heap);
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        if (heap->open.bins[i].family_pages != NULL) {
            bytes += lmm_family_pages_trim(heap->open.bins[i].family_pages);
        }
    }
    return bytes;
}

size_t lmm_heap_trim(struct lmm_heap *heap)
{
    lmm_lock_acquire(heap->lock);
    size_t bytes = trim_locked(heap);
    lmm_lock_release(heap->lock);
    return bytes;
}

/* ---- Refilling ------------------------------------------------------------------------------- */

static bool refill_locked(struct lmm_heap *heap, struct lmm_family *family, struct lmm_bin *bin)
{
    LMM_CHECK(lmm_lock_is_held(heap->lock));
    if (bin->family_pages == NULL && (bin->family_pages = lmm_family_pages_create()) == NULL) {
        return false;
    }
    collect_foreign(heap);
    if (lmm_load_relaxed(&heap->trim_wanted)) {
        trim_locked(heap);
    }
    look_at_next_bin_locked(heap);
    retire_current(bin, true);
    struct lmm_page *page =
        lmm_family_pages_choose(bin->family_pages, family, heap, heap->newest_unit);
    if (page == NULL) {
        errno = ENOMEM;
        return false;
    }
    heap->newest_unit = lmm_page_base(page);
    lmm_heap_note(heap, family, take_slots(family, bin, page));
    if (LMM_VALIDATE && !lmm_slots_are_valid(page, bin->head)) {
        LMM_CHECK(lmm_slots_were_freed_twice(page, bin->head));
        lmm_panic("double free: by two threads at once (%s)", family->name);
    }
    return true;
}

/* It changes nothing that other threads read under the lock. */
bool lmm_heap_restock(struct lmm_heap *heap, struct lmm_family *family)
{
    struct lmm_bin *bin = &heap->open.bins[family->index];

    if (bin->page == NULL || bin->head != LMM_TAG_END ||
        lmm_load_relaxed(&heap->reported) != NULL || lmm_load_relaxed(&heap->trim_wanted)) {
        return false;
    }
    uint32_t count = count_own_list(bin->page);
    if (count == 0) {
        return false;
    }
    count = give_own_list(family, bin, count);
    if (family->counts_bytes || bin->unnoted_slots + count > bin->page->slots / 2) {
        lmm_heap_note(heap, family, count);
    } else {
        bin->unnoted_slots += count; /* slots that lived before, so the peak is hardly raised */
    }
    return true;
}

void *lmm_heap_pop_restocked(const struct lmm_open *open, uint32_t site, uint32_t family)
{
    if (lmm_open_row_to_allocate(open, site, false) == NULL || open->bins[family].page == NULL) {
        return NULL;
    }
    struct lmm_family *opened = lmm_families_at(family);
    bool done = !lmm_limit_is_set(opened) && lmm_heap_restock(open->heap, opened);
    return done ? lmm_heap_pop(open, site, family, false) : NULL;
}

bool lmm_heap_refill(struct lmm_heap *heap, struct lmm_family *family)
{
    LMM_CHECK(family->index < heap->bin_capacity);
    struct lmm_bin *bin = &heap->open.bins[family->index];

    if (LMM_UNLIKELY(bin->head != LMM_TAG_END)) {
        /* The list leads to a batch's mark: another thread freed a block of the list at the same
         * time. */
        lmm_panic("double free: by two threads at once (%s)", family->name);
    }
    if (lmm_heap_restock(heap, family)) {
        return true;
    }
    lmm_lock_acquire(heap->lock);
    bool done = refill_locked(heap, family, bin);
    lmm_lock_release(heap->lock);
    return done;
}
