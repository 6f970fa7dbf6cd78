/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "hooks.h"
#include "meta.h"
#include "reservoir.h"
#include "vm.h"

#include <errno.h>

enum {
    RUN_BYTES_MAX = LMM_UNIT_BYTES / 2,    /* longer runs are spans */
    SPAN_UNITS_MAX = 1 << 20,              /* 256 GiB; each unit costs a descriptor */
    SLOTS_MIN = 8,                         /* of a run page, where address space allows */
};

void lmm_runs_init(struct lmm_runs *runs, uint16_t family, size_t stride,
                   struct lmm_ledger_family *record)
{
    lmm_lock_init(&runs->lock, LMM_RANK_RUNS);
    runs->stride = stride;
    runs->family = family;
    runs->record = record;
    lmm_holes_init(&runs->holes);
    glthread_init(&runs->pages);
}

/* ---- Tags of runs ------------------------------------------------------------------------------ */

static void set_tag(struct lmm_page *page, size_t slot, uint32_t tag)
{
    lmm_store_relaxed(&page->tags[slot], tag);
}

static void tag_run(struct lmm_page *page, size_t slot, size_t n, uint32_t first)
{
    if (n > 1) {
        set_tag(page, slot + 1, lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n));
    }
    set_tag(page, slot, first);
}

static void untag_run(struct lmm_page *page, size_t slot, size_t n)
{
    set_tag(page, slot, 0);
    if (n > 1) {
        set_tag(page, slot + 1, 0);
    }
}

size_t lmm_run_length(const struct lmm_page *page, size_t slot)
{
    size_t slots = lmm_load_relaxed(&page->kind) == LMM_PAGE_SPAN ? 2 : page->slots;
    const uint32_t *tags = lmm_load_acquire(&page->tags);

    if (slot + 1 < slots && tags != NULL) {
        uint32_t tag = lmm_load_relaxed(&tags[slot + 1]);
        if (lmm_tag_state(tag) == LMM_TAG_TAIL) {
            return lmm_tag_value(tag);
        }
    }
    return 1;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* Makes `units` units at base one page. The tags hold FREE. False with errno ENOMEM. */
static struct lmm_page *page_create(struct lmm_runs *runs, char *base, size_t units, bool fresh,
                                    enum lmm_page_kind kind, size_t slots, size_t tag_count)
{
    if (!lmm_page_reserve(base, units)) {
        return NULL;
    }
    struct lmm_page *page = lmm_page_unit((uintptr_t) base);
    page->unit = (uint32_t) ((uintptr_t) base >> LMM_UNIT_SHIFT);
    struct lmm_page_facts *facts = lmm_page_facts(page);
    facts->units = (uint32_t) units;
    facts->absent_long = NULL;
    page->tags = lmm_meta_alloc(&lmm_arena_tags, tag_count * sizeof(uint32_t));
    if (page->tags == NULL || (kind == LMM_PAGE_RUNS && !lmm_page_set_absent(page, fresh))) {
        if (page->tags != NULL) {
            lmm_meta_free(&lmm_arena_tags, page->tags, tag_count * sizeof(uint32_t));
        }
        return NULL;
    }
    page->slots = (uint32_t) slots;
    page->stride = (uint32_t) runs->stride;
    lmm_store_relaxed(&page->family, runs->family);
    lmm_store_relaxed(&page->owner, NULL);
    page->gone = 0;
    page->queued = 0;
    page->multiplier =
        kind == LMM_PAGE_RUNS && runs->stride <= LMM_SLOT_STRIDE_MAX ? lmm_page_multiplier(runs->stride)
                                                                      : 0;
    for (size_t i = 1; i < units; i++) {
        struct lmm_page *follow = lmm_page_unit((uintptr_t) base + i * LMM_UNIT_BYTES);
        follow->unit = page->unit;
        lmm_store_relaxed(&follow->family, runs->family);
        lmm_store_release(&follow->kind, LMM_PAGE_FOLLOW);
    }
    lmm_store_release(&page->kind, kind);
    return page;
}

/* Takes units from the reservoir and makes them a page; gives them back when that fails. */
static struct lmm_page *page_take(struct lmm_runs *runs, size_t units, enum lmm_page_kind kind,
                                  size_t slots, size_t tag_count, bool *ret_fresh)
{
    char *base = lmm_reservoir_take(units, ret_fresh);
    if (base == NULL) {
        return NULL;
    }
    struct lmm_page *page = page_create(runs, base, units, *ret_fresh, kind, slots, tag_count);
    if (page == NULL) {
        lmm_vm_discard(base, units * LMM_UNIT_BYTES);
        lmm_reservoir_put(base, units);
        errno = ENOMEM;
        return NULL;
    }
    lmm_hooks_page_begins(base, units * LMM_UNIT_BYTES);
    lmm_ledger_count_page(runs->record, 1, units * LMM_UNIT_BYTES, page->slots);
    return page;
}

static void count_committed(const struct lmm_runs *runs, int64_t bytes)
{
    lmm_ledger_count_committed(runs->record, bytes);
}

/* Ends a page that is on no list any more, and is no longer counted as committed. */
static void page_give(struct lmm_runs *runs, struct lmm_page *page, size_t tag_count)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    char *base = lmm_page_base(page);
    size_t units = facts->units;
    uint32_t *tags = page->tags;

    if (facts->absent_long != NULL) {
        lmm_meta_free(&lmm_arena_records, facts->absent_long, units * sizeof(uint64_t));
        facts->absent_long = NULL;
    }
    if (page->kind == LMM_PAGE_SPAN) {
        facts->absent = 0;    /* a span of one unit may be kept; all of it may be touched */
    }
    for (size_t i = 0; i < units; i++) {
        struct lmm_page *unit = lmm_page_unit((uintptr_t) base + i * LMM_UNIT_BYTES);
        unit->gone = 1;
        unit->multiplier = 0;
        lmm_store_release(&unit->kind, LMM_PAGE_NONE);
    }
    lmm_store_release(&page->tags, NULL);
    lmm_meta_free(&lmm_arena_tags, tags, tag_count * sizeof(uint32_t));
    lmm_ledger_count_page(runs->record, -1, units * LMM_UNIT_BYTES, page->slots);
    lmm_hooks_page_ends(base, units * LMM_UNIT_BYTES);
    lmm_reservoir_put(base, units);
}

/* Units of a run page: a power of two in which SLOTS_MIN fit. */
static size_t run_page_units(size_t stride)
{
    size_t units = 1;

    while (units * LMM_UNIT_BYTES < SLOTS_MIN * stride) {
        units *= 2;
    }
    return units;
}

/* A new run page as one hole; NULL with errno ENOMEM. A large one is tried smaller before that. */
static struct lmm_hole *add_page_locked(struct lmm_runs *runs)
{
    bool fresh;

    if (!lmm_holes_reserve(&runs->holes)) {
        return NULL;
    }
    for (size_t units = run_page_units(runs->stride); units != 0; units /= 2) {
        size_t slots = units * LMM_UNIT_BYTES / runs->stride;
        struct lmm_page *page =
            page_take(runs, units, LMM_PAGE_RUNS, slots,
                      lmm_page_tag_count(slots, runs->stride, units), &fresh);
        if (page == NULL) {
            continue;
        }
        glthread_insert_before(&runs->pages, &page->glue);
        count_committed(runs, (int64_t) lmm_page_committed_bytes(page));
        return lmm_hole_add(&runs->holes, page, 0, slots);
    }
    lmm_holes_unreserve(&runs->holes);
    return NULL;
}

static void remove_page_locked(struct lmm_runs *runs, struct lmm_hole *whole)
{
    struct lmm_page *page = whole->page;

    count_committed(runs, -(int64_t) lmm_page_committed_bytes(page));
    lmm_hole_remove(&runs->holes, whole);
    lmm_holes_unreserve(&runs->holes);
    glthread_remove(&page->glue);
    page_give(runs, page, lmm_page_tag_count(page->slots, page->stride, lmm_page_facts(page)->units));
}

/* Tells the books of the holes. */
static void show_holes_locked(const struct lmm_runs *runs)
{
    const struct lmm_hole *largest = lmm_holes_largest(&runs->holes);

    lmm_store_relaxed(&runs->record->run_free_slots, runs->holes.free_slots);
    lmm_store_relaxed(&runs->record->longest_run_slots,
                      largest == NULL ? 0 : lmm_hole_length(largest));
}

/* ---- Taking ---------------------------------------------------------------------------------- */

/* Whether all system pages under the slots are absent, so that they read as zero. */
static bool reads_zero(const struct lmm_page *page, size_t slot, size_t n)
{
    size_t last = ((slot + n) * page->stride - 1) / LMM_SYSTEM_PAGE_BYTES;

    for (size_t i = slot * page->stride / LMM_SYSTEM_PAGE_BYTES; i <= last; i++) {
        if (!lmm_page_is_absent(page, i)) {
            return false;
        }
    }
    return true;
}

static void commit_slots(const struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    size_t first = slot * page->stride;

    count_committed(runs, (int64_t) lmm_page_commit(page, first, first + n * page->stride - 1));
}

/* Cuts n slots off the front of hole; the hole ends when nothing is left. */
static void hole_cut_locked(struct lmm_runs *runs, struct lmm_hole *hole, size_t n)
{
    size_t left = lmm_hole_length(hole) - n;

    if (left == 0) {
        lmm_hole_remove(&runs->holes, hole);
    } else {
        lmm_hole_move(&runs->holes, hole, hole->slot + n, left);
    }
}

/* Largest fit: if the largest hole is too short nothing fits. */
static struct lmm_hole *find_hole_locked(struct lmm_runs *runs, size_t n)
{
    struct lmm_hole *hole = lmm_holes_largest(&runs->holes);

    if (hole == NULL || lmm_hole_length(hole) < n) {
        hole = add_page_locked(runs);
    }
    return hole != NULL && lmm_hole_length(hole) >= n ? hole : NULL;
}

static char *take_locked(struct lmm_runs *runs, size_t n, uint32_t site, uint32_t **ret_tag,
                         bool *ret_zeroed)
{
    struct lmm_hole *hole = find_hole_locked(runs, n);

    if (hole == NULL || !lmm_holes_reserve(&runs->holes)) {
        errno = ENOMEM;
        return NULL;
    }
    struct lmm_page *page = hole->page;
    size_t slot = hole->slot;
    if (lmm_hole_length(hole) == n) {
        lmm_holes_unreserve(&runs->holes);    /* the hole's promise passes to the run */
    }
    hole_cut_locked(runs, hole, n);
    *ret_zeroed = reads_zero(page, slot, n);
    commit_slots(runs, page, slot, n);
    tag_run(page, slot, n, lmm_tag_make(LMM_TAG_LIVE, site));
    *ret_tag = &page->tags[slot];
    return lmm_page_slot(page, slot);
}

/* A run with pages of its own. */
static char *take_span(struct lmm_runs *runs, size_t n, uint32_t site, uint32_t **ret_tag,
                       bool *ret_zeroed)
{
    size_t bytes = n * runs->stride;    /* checked by the caller */
    size_t units = (bytes + LMM_UNIT_BYTES - 1) / LMM_UNIT_BYTES;
    if (units > SPAN_UNITS_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    size_t capacity = units * LMM_UNIT_BYTES / runs->stride;

    if (capacity > LMM_TAG_VALUE_MASK) {
        capacity = LMM_TAG_VALUE_MASK;
    }
    struct lmm_page *page = page_take(runs, units, LMM_PAGE_SPAN, capacity, 2, ret_zeroed);
    if (page == NULL) {
        return NULL;
    }
    *ret_tag = page->tags;
    set_tag(page, 1, 0);
    lmm_store_relaxed(&page->tags[1], lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n));
    set_tag(page, 0, lmm_tag_make(LMM_TAG_LIVE, site));
    count_committed(runs, (int64_t) lmm_page_committed_bytes(page));
    lmm_lock_acquire(&runs->lock);
    glthread_insert_before(&runs->pages, &page->glue);
    lmm_lock_release(&runs->lock);
    return lmm_page_base(page);
}

char *lmm_run_take(struct lmm_runs *runs, size_t n, uint32_t site, uint32_t **ret_tag,
                   bool *ret_zeroed)
{
    size_t bytes;

    if (n > LMM_TAG_VALUE_MASK || !lmm_multiply_fits(n, runs->stride, &bytes) ||
        bytes > SIZE_MAX / 4) {
        errno = ENOMEM;
        return NULL;
    }
    if (bytes > RUN_BYTES_MAX) {
        return take_span(runs, n, site, ret_tag, ret_zeroed);
    }
    lmm_lock_acquire(&runs->lock);
    char *block = take_locked(runs, n, site, ret_tag, ret_zeroed);
    show_holes_locked(runs);
    lmm_lock_release(&runs->lock);
    return block;
}

/* ---- Giving back ----------------------------------------------------------------------------- */

/* Makes [slot, slot + n), whose tags are clear, free, merged with the holes on both sides. One
 * descriptor is promised to it. */
static void release_locked(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    struct lmm_holes *holes = &runs->holes;
    struct lmm_hole *hole = slot == 0 ? NULL : lmm_hole_at(holes, page, slot - 1);
    struct lmm_hole *after = lmm_hole_at(holes, page, slot + n);
    size_t length = n;

    if (after != NULL) {
        length += lmm_hole_length(after);
        lmm_hole_remove(holes, after);
        lmm_holes_unreserve(holes);
    }
    if (hole == NULL) {
        hole = lmm_hole_add(holes, page, slot, length);
    } else {
        lmm_hole_move(holes, hole, hole->slot, length + lmm_hole_length(hole));
        lmm_holes_unreserve(holes);
    }
    if (lmm_hole_length(hole) == page->slots) {
        remove_page_locked(runs, hole);
    }
}

/* A walk may be looking at the span until the lock is released. */
static void remove_span_locked(struct lmm_runs *runs, struct lmm_page *page)
{
    glthread_remove(&page->glue);
    count_committed(runs, -(int64_t) lmm_page_committed_bytes(page));
    untag_run(page, 0, 2);
    page_give(runs, page, 2);
}

void lmm_run_give(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    lmm_lock_acquire(&runs->lock);
    if (page->kind == LMM_PAGE_SPAN) {
        remove_span_locked(runs, page);
    } else {
        untag_run(page, slot, n);
        release_locked(runs, page, slot, n);
        show_holes_locked(runs);
    }
    lmm_lock_release(&runs->lock);
}

/* ---- Resizing -------------------------------------------------------------------------------- */

static bool shrink_locked(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t length,
                          size_t n)
{
    if (!lmm_holes_reserve(&runs->holes)) {
        return false;
    }
    uint32_t first = lmm_load_relaxed(&page->tags[slot]);
    set_tag(page, slot + 1, 0);
    tag_run(page, slot, n, first);
    release_locked(runs, page, slot + n, length - n);
    return true;
}

static bool grow_locked(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t length,
                        size_t n)
{
    struct lmm_hole *after = lmm_hole_at(&runs->holes, page, slot + length);

    if (after == NULL || lmm_hole_length(after) < n - length) {
        return false;
    }
    if (lmm_hole_length(after) == n - length) {
        lmm_holes_unreserve(&runs->holes);
    }
    hole_cut_locked(runs, after, n - length);
    commit_slots(runs, page, slot + length, n - length);
    tag_run(page, slot, n, lmm_load_relaxed(&page->tags[slot]));
    return true;
}

/* A span keeps its address space; the system pages past a shorter end go back. */
static bool resize_span(const struct lmm_runs *runs, struct lmm_page *page, size_t length, size_t n)
{
    if (n > page->slots || n * page->stride <= RUN_BYTES_MAX) {
        return false;
    }
    size_t end = lmm_round_up(n * page->stride, LMM_SYSTEM_PAGE_BYTES);
    size_t old_end = lmm_round_up(length * page->stride, LMM_SYSTEM_PAGE_BYTES);
    if (old_end > end) {
        lmm_vm_discard(lmm_page_base(page) + end, old_end - end);
    }
    count_committed(runs, (int64_t) end - (int64_t) old_end);
    set_tag(page, 1, lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n));
    return true;
}

bool lmm_run_resize(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    lmm_lock_acquire(&runs->lock);
    size_t length = lmm_run_length(page, slot);
    bool done = n == length;
    if (n > LMM_TAG_VALUE_MASK) {
        done = false;
    } else if (page->kind == LMM_PAGE_SPAN) {
        done = done || resize_span(runs, page, length, n);
    } else if (n < length) {
        done = shrink_locked(runs, page, slot, length, n);
    } else if (n > length) {
        done = grow_locked(runs, page, slot, length, n);
    }
    show_holes_locked(runs);
    lmm_lock_release(&runs->lock);
    return done;
}

/* ---- Walking --------------------------------------------------------------------------------- */

struct lmm_extent lmm_run_extent_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                        size_t slot)
{
    struct lmm_extent extent = {slot, 1, lmm_load_relaxed(&page->tags[slot])};

    if (lmm_tag_state(extent.tag) == LMM_TAG_HOLE) {
        extent.length = lmm_hole_length(lmm_hole_at(&runs->holes, page, slot));
    } else {
        extent.length = lmm_run_length(page, slot);
    }
    return extent;
}

struct lmm_extent lmm_run_find_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                      size_t slot)
{
    struct lmm_extent extent = lmm_run_extent_locked(runs, page, 0);

    while (page->kind == LMM_PAGE_RUNS && extent.slot + extent.length <= slot) {
        extent = lmm_run_extent_locked(runs, page, extent.slot + extent.length);
    }
    return extent;
}

/* ---- Trimming and repair --------------------------------------------------------------------- */

/* Gives back the system pages wholly inside a hole. */
static size_t trim_hole(const struct lmm_hole *hole)
{
    struct lmm_page *page = hole->page;
    size_t end_slot = hole->slot + lmm_hole_length(hole);
    size_t first = ((size_t) hole->slot * page->stride + LMM_SYSTEM_PAGE_BYTES - 1) /
                   LMM_SYSTEM_PAGE_BYTES;
    /* The page's tail belongs to nobody else. */
    size_t end_byte = end_slot == page->slots ? (size_t) lmm_page_facts(page)->units * LMM_UNIT_BYTES
                                              : end_slot * page->stride;
    size_t end = end_byte / LMM_SYSTEM_PAGE_BYTES;

    return end > first ? lmm_page_discard(page, first, end) : 0;
}

size_t lmm_runs_trim(struct lmm_runs *runs)
{
    size_t bytes = 0;

    lmm_lock_acquire(&runs->lock);
    for (const struct lmm_hole *hole = lmm_holes_walk(&runs->holes, NULL); hole != NULL;
         hole = lmm_holes_walk(&runs->holes, hole)) {
        bytes += trim_hole(hole);
    }
    count_committed(runs, -(int64_t) bytes);
    lmm_lock_release(&runs->lock);
    return bytes;
}

/* Frees the first cached run found from `slot` on; false when there is none. The page may end. */
static bool release_one_cached_locked(struct lmm_runs *runs, struct lmm_page *page)
{
    struct lmm_extent extent = {0};

    for (size_t slot = 0; slot < page->slots; slot += extent.length) {
        extent = lmm_run_extent_locked(runs, page, slot);
        if (extent.tag == LMM_TAG_CACHED) {
            bool ends = extent.length == page->slots;
            untag_run(page, extent.slot, extent.length);
            release_locked(runs, page, extent.slot, extent.length);
            return !ends;
        }
        if (page->kind == LMM_PAGE_SPAN) {
            break;
        }
    }
    return false;
}

void lmm_runs_release_cached(struct lmm_runs *runs)
{
    lmm_lock_acquire(&runs->lock);
    struct glthread *at = glthread_first(&runs->pages);
    while (at != NULL) {
        struct lmm_page *page = GLTHREAD_ENTRY(at, struct lmm_page, glue);
        struct glthread *next = glthread_next(&runs->pages, at);
        if (page->kind == LMM_PAGE_SPAN && lmm_load_relaxed(&page->tags[0]) == LMM_TAG_CACHED) {
            remove_span_locked(runs, page);
        }
        while (page->kind == LMM_PAGE_RUNS && release_one_cached_locked(runs, page)) {
        }
        at = next;
    }
    show_holes_locked(runs);
    lmm_lock_release(&runs->lock);
}

/* ---- Validity -------------------------------------------------------------------------------- */

/* Checks that extents tile the page; adds its holes to *holes, and their slots. */
static bool page_is_valid(const struct lmm_runs *runs, const struct lmm_page *page, uint32_t *holes,
                          size_t *free_slots)
{
    struct lmm_extent extent = {0};
    bool after_hole = false;
    size_t slot = 0;

    for (; slot < page->slots; slot += extent.length) {
        extent = lmm_run_extent_locked(runs, page, slot);
        bool is_hole = lmm_tag_state(extent.tag) == LMM_TAG_HOLE;
        bool is_cached = extent.tag == LMM_TAG_CACHED;
        if ((is_hole && after_hole) || extent.length == 0 ||
            (!is_hole && !is_cached && lmm_tag_state(extent.tag) != LMM_TAG_LIVE) ||
            (is_hole && lmm_hole_at(&runs->holes, page, slot + extent.length - 1) !=
                            lmm_hole_at(&runs->holes, page, slot))) {
            return false;
        }
        after_hole = is_hole;
        *holes += is_hole;
        *free_slots += is_hole ? extent.length : 0;
    }
    return slot == page->slots;
}

bool lmm_runs_are_valid_locked(const struct lmm_runs *runs)
{
    uint32_t holes = 0;
    size_t free_slots = 0;

    for (struct glthread *at = glthread_first(&runs->pages); at != NULL;
         at = glthread_next(&runs->pages, at)) {
        const struct lmm_page *page = GLTHREAD_ENTRY(at, struct lmm_page, glue);
        if (page->kind == LMM_PAGE_RUNS && !page_is_valid(runs, page, &holes, &free_slots)) {
            return false;
        }
    }
    return holes == runs->holes.queue.count && free_slots == runs->holes.free_slots &&
           runs->holes.reserved <= runs->holes.capacity && glpq_is_valid(&runs->holes.queue, false);
}
