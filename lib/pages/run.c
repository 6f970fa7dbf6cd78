/* SPDX-License-Identifier: MIT */
#include "lib/pages/run.h"

#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/pages/memory.h"

#include <errno.h>

enum { SLOTS_MIN = 8 }; /* of a run page, when there is memory for them */

void lmm_runs_init(struct lmm_runs *runs, uint16_t family, size_t stride,
                   struct lmm_ledger_family *record)
{
    lmm_lock_init(&runs->lock, LMM_RANK_RUNS);
    runs->stride = stride;
    runs->slots_max = stride <= LMM_RUN_BYTES_MAX ? LMM_RUN_BYTES_MAX / stride : 1;
    runs->family = family;
    runs->record = record;
    lmm_holes_init(&runs->holes, lmm_options.fit);
    runs->huge = (struct lmm_huge) {0};
    glthread_init(&runs->pages);
    runs->freed = NULL;
    runs->freed_next = 0;
}

void lmm_runs_set_fit(struct lmm_runs *runs, enum lmm_fit fit)
{
    lmm_lock_acquire(&runs->lock);
    lmm_holes_set_fit(&runs->holes, fit);
    LMM_CHECK(lmm_holes_are_valid(&runs->holes));
    lmm_lock_release(&runs->lock);
}

/* ---- Tags of runs ---------------------------------------------------------------------------- */

/* first: the run's first tag; 0 clears both. */
static void tag_run(struct lmm_page *page, size_t slot, size_t n, uint32_t first)
{
    if (n > 1) {
        uint32_t tail = lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n);
        lmm_page_set_tag(page, slot + 1, first == 0 ? 0 : tail);
    }
    lmm_page_set_tag(page, slot, first);
}

size_t lmm_run_length(const struct lmm_page *page, size_t slot)
{
    size_t slots = lmm_load_relaxed(&page->kind) == LMM_PAGE_SPAN ? LMM_SPAN_TAGS : page->slots;
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

/* Adds a run page that is one hole; a smaller one when there is no memory for a large one. NULL
 * with errno ENOMEM. */
static struct lmm_hole *add_page_locked(struct lmm_runs *runs)
{
    struct lmm_page *page = NULL;
    size_t units = 1;

    if (!lmm_holes_reserve(&runs->holes, 1)) {
        return NULL;
    }
    if (runs->freed == NULL) { /* now, because a free must not need memory */
        runs->freed = lmm_meta_zalloc(LMM_FREED_RUNS * sizeof(struct lmm_freed_run));
    }
    while (units * LMM_UNIT_BYTES < SLOTS_MIN * runs->stride) {
        units *= 2;
    }
    for (; page == NULL && units != 0; units /= 2) {
        page = lmm_runs_take_page(runs, units, LMM_UNIT_BYTES, LMM_PAGE_RUNS);
    }
    if (page == NULL) {
        lmm_holes_unreserve(&runs->holes);
        return NULL;
    }
    glthread_insert_before(&runs->pages, &page->glue);
    lmm_runs_count_committed(runs, (int64_t) lmm_memory_committed_bytes(page));
    return lmm_hole_add(&runs->holes, page, 0, page->slots);
}

/* The page ends: another family's blocks may be there next. */
static void forget_freed_locked(struct lmm_runs *runs, const struct lmm_ended_page *ended)
{
    for (uint32_t i = 0; runs->freed != NULL && i < LMM_FREED_RUNS; i++) {
        uintptr_t offset = (uintptr_t) runs->freed[i].block - (uintptr_t) ended->base;
        if (offset < ended->units * LMM_UNIT_BYTES) {
            runs->freed[i].block = NULL;
        }
    }
}

/* Ends the page of a hole that is all of it. */
static void end_if_free_locked(struct lmm_runs *runs, struct lmm_hole *hole)
{
    struct lmm_page *page = hole->page;

    if (lmm_hole_length(hole) != page->slots) {
        return;
    }
    lmm_runs_count_committed(runs, -(int64_t) lmm_memory_committed_bytes(page));
    lmm_hole_remove(&runs->holes, hole);
    lmm_holes_unreserve(&runs->holes);
    glthread_remove(&page->glue);
    struct lmm_ended_page ended = lmm_runs_end_page_locked(page);
    forget_freed_locked(runs, &ended);
    lmm_runs_give_page_back(runs, &ended);
}

static void show_holes_locked(const struct lmm_runs *runs)
{
    const struct lmm_hole *largest = lmm_holes_largest(&runs->holes);

    lmm_store_relaxed(&runs->record->run_free_slots, runs->holes.free_slots);
    lmm_store_relaxed(&runs->record->longest_run_slots,
                      largest == NULL ? 0 : lmm_hole_length(largest));
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static void commit_slots(const struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    size_t first = slot * page->stride;

    lmm_runs_count_committed(
        runs, (int64_t) lmm_memory_commit(page, first, first + n * page->stride - 1));
}

/* Cuts slots [slot, slot + n) out of hole. What is left before and after them becomes a hole each;
 * when both are left, one promise more is needed. */
static void hole_cut_locked(struct lmm_runs *runs, struct lmm_hole *hole, size_t slot, size_t n)
{
    struct lmm_page *page = hole->page;
    size_t before = slot - hole->slot;
    size_t after = lmm_hole_length(hole) - before - n;

    if (before != 0) {
        lmm_hole_move(&runs->holes, hole, hole->slot, before);
        if (after != 0) {
            lmm_hole_add(&runs->holes, page, slot + n, after);
        }
    } else if (after != 0) {
        lmm_hole_move(&runs->holes, hole, slot + n, after);
    } else {
        lmm_hole_remove(&runs->holes, hole);
    }
}

/* In a page that is one hole the run fits at its first slot, whatever the step. */
static struct lmm_hole *find_hole_locked(struct lmm_runs *runs, size_t n, size_t step)
{
    struct lmm_hole *hole = lmm_hole_find(&runs->holes, n, step);

    if (hole == NULL) {
        LMM_CHECK(lmm_holes_are_valid(&runs->holes));
        hole = add_page_locked(runs);
    }
    if (hole != NULL && lmm_hole_length(hole) < n) {
        end_if_free_locked(runs, hole); /* there was no memory for a longer page */
        hole = NULL;
    }
    return hole;
}

static char *take_locked(struct lmm_runs *runs, size_t n, size_t step, uint32_t live_value,
                         bool *ret_zeroed)
{
    size_t room = lmm_run_room(runs, n);
    struct lmm_hole *hole = find_hole_locked(runs, room, step);

    if (hole == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    struct lmm_page *page = hole->page;
    size_t slot = lmm_hole_slot_for(hole, room, step);
    bool is_first = slot == hole->slot;
    bool is_last = slot + room == hole->slot + lmm_hole_length(hole);
    /* The hole's promise passes to the run; each margin needs one. */
    if (!lmm_holes_reserve(&runs->holes, (uint32_t) !is_first + !is_last)) {
        end_if_free_locked(runs, hole); /* its page is new */
        errno = ENOMEM;
        return NULL;
    }
    hole_cut_locked(runs, hole, slot, room);
    *ret_zeroed = lmm_memory_slots_are(page, slot, room, true);
    commit_slots(runs, page, slot, room);
    char *block = lmm_page_slot(page, slot);
    tag_run(page, slot, n, lmm_tag_after_block(lmm_tag_make(LMM_TAG_LIVE, live_value), block));
    return block;
}

char *lmm_run_take(struct lmm_runs *runs, size_t n, size_t align, uint32_t live_value,
                   bool *ret_zeroed)
{
    size_t bytes;

    if (!lmm_runs_have_length(runs, n, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (bytes > LMM_RUN_BYTES_MAX || align > LMM_UNIT_BYTES) {
        return lmm_span_take(runs, n, align, live_value, ret_zeroed);
    }
    /* A page's base is aligned to every such align. So slot x stride must be a multiple of align:
     * slot must be a multiple of align / (the largest power of two that divides the stride). */
    int stride_shift = __builtin_ctzl(runs->stride);
    size_t step = align >> stride_shift > 1 ? align >> stride_shift : 1;
    lmm_lock_acquire(&runs->lock);
    char *block = take_locked(runs, n, step, live_value, ret_zeroed);
    show_holes_locked(runs);
    lmm_lock_release(&runs->lock);
    return block;
}

/* ---- What was freed -------------------------------------------------------------------------- */

static void note_freed_locked(struct lmm_runs *runs, char *block, uint32_t site)
{
    if (runs->freed != NULL) {
        runs->freed[runs->freed_next] = (struct lmm_freed_run) {block, site};
        runs->freed_next = (runs->freed_next + 1) % LMM_FREED_RUNS;
    }
}

uint32_t lmm_run_freed_site_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                   size_t slot)
{
    uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
    const char *block = lmm_page_slot(page, slot);

    LMM_CHECK(lmm_lock_is_held(&runs->lock));
    if (lmm_tag_is_cached(tag)) {
        return lmm_tag_site(tag);
    }
    for (uint32_t age = 1; runs->freed != NULL && age <= LMM_FREED_RUNS; age++) {
        const struct lmm_freed_run *run = &runs->freed[(runs->freed_next - age) % LMM_FREED_RUNS];
        if (run->block == block) {
            return run->site;
        }
    }
    return LMM_SITE_NONE;
}

/* ---- Giving back ----------------------------------------------------------------------------- */

/* Frees [slot, slot + n), whose tags are clear and which have one promise, and merges them with the
 * holes before and after them. A page that is one hole then ends. */
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
    end_if_free_locked(runs, hole);
}

void lmm_run_give(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    if (page->kind == LMM_PAGE_SPAN) {
        lmm_span_give(runs, page);
        return;
    }
    const struct lmm_free_run run = {page, slot, n};
    lmm_runs_give(runs, &run, 1);
}

void lmm_runs_give(struct lmm_runs *runs, const struct lmm_free_run *run, size_t count)
{
    lmm_lock_acquire(&runs->lock);
    for (size_t i = 0; i < count; i++) {
        struct lmm_page *page = run[i].page;
        LMM_CHECK(lmm_run_length(page, run[i].slot) == run[i].n);
        note_freed_locked(runs, lmm_page_slot(page, run[i].slot),
                          lmm_tag_site(page->tags[run[i].slot]));
        tag_run(page, run[i].slot, run[i].n, 0);
        release_locked(runs, page, run[i].slot, lmm_run_room(runs, run[i].n));
    }
    show_holes_locked(runs);
    lmm_lock_release(&runs->lock);
}

/* ---- Resizing -------------------------------------------------------------------------------- */

/* Gives the slots after the first `room` of a run back. */
static bool shrink_locked(struct lmm_runs *runs, struct lmm_page *page, size_t slot,
                          size_t old_room, size_t room)
{
    if (!lmm_holes_reserve(&runs->holes, 1)) {
        return false;
    }
    if (room == 1) {
        lmm_page_set_tag(page, slot + 1, 0); /* before another run can start there */
    }
    release_locked(runs, page, slot + room, old_room - room);
    return true;
}

static bool grow_locked(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t old_room,
                        size_t room)
{
    struct lmm_hole *after = lmm_hole_at(&runs->holes, page, slot + old_room);
    size_t more = room - old_room;

    if (after == NULL || lmm_hole_length(after) < more) {
        return false;
    }
    if (lmm_hole_length(after) == more) {
        lmm_holes_unreserve(&runs->holes);
    }
    hole_cut_locked(runs, after, after->slot, more);
    commit_slots(runs, page, slot + old_room, more);
    return true;
}

static bool resize_locked(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t length,
                          size_t n)
{
    if (n > page->slots) {
        return false;
    }
    size_t old_room = lmm_run_room(runs, length);
    size_t room = lmm_run_room(runs, n);
    if (room < old_room ? !shrink_locked(runs, page, slot, old_room, room)
                        : room > old_room && !grow_locked(runs, page, slot, old_room, room)) {
        return false;
    }
    tag_run(page, slot, n, lmm_load_relaxed(&page->tags[slot]));
    return true;
}

bool lmm_run_resize(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    size_t length = lmm_run_length(page, slot);

    LMM_CHECK(n != 0);
    if (n == length || n > LMM_TAG_VALUE_MASK) {
        return n == length;
    }
    if (page->kind == LMM_PAGE_SPAN) {
        return lmm_span_resize(runs, page, length, n);
    }
    lmm_lock_acquire(&runs->lock);
    bool done = resize_locked(runs, page, slot, length, n);
    show_holes_locked(runs);
    lmm_lock_release(&runs->lock);
    return done;
}

/* Whether the page has one block, at its first slot, and nothing else but the hole *ret_after; NULL:
 * the block fills the page. */
static bool is_alone_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                            struct lmm_hole **ret_after)
{
    size_t end = lmm_run_extent_locked(runs, page, 0).length;

    *ret_after = lmm_hole_at(&runs->holes, page, end);
    return end == page->slots ||
           (*ret_after != NULL && end + lmm_hole_length(*ret_after) == page->slots);
}

static void become_span_locked(struct lmm_runs *runs, struct lmm_page *page, struct lmm_hole *after,
                               uint32_t *tags)
{
    size_t n = lmm_run_length(page, 0);
    uint32_t first = lmm_load_relaxed(&page->tags[0]);

    if (after != NULL) {
        lmm_hole_remove(&runs->holes, after);
        lmm_holes_unreserve(&runs->holes);
    }
    lmm_holes_unreserve(&runs->holes);
    glthread_remove(&page->glue);
    lmm_runs_count_committed(runs, -(int64_t) lmm_memory_committed_bytes(page));
    struct lmm_ended_page ended = lmm_runs_end_page_locked(page);
    forget_freed_locked(runs, &ended);
    lmm_span_begin_locked(runs, &ended, n, tags, first);
    lmm_runs_count_committed(runs, (int64_t) lmm_memory_committed_bytes(page));
    lmm_meta_free(&lmm_arena_tags, ended.tags, ended.tag_bytes);
}

bool lmm_run_become_span(struct lmm_runs *runs, struct lmm_page *page, size_t slot)
{
    uint32_t *tags = slot == 0 && lmm_page_facts(page)->units == 1 ? lmm_span_alloc_tags() : NULL;
    struct lmm_hole *after;

    if (tags == NULL) {
        return false;
    }
    lmm_lock_acquire(&runs->lock);
    bool done = is_alone_locked(runs, page, &after);
    if (done) {
        become_span_locked(runs, page, after, tags);
        show_holes_locked(runs);
    }
    lmm_lock_release(&runs->lock);
    if (!done) {
        lmm_meta_free(&lmm_arena_tags, tags, LMM_SPAN_TAGS * sizeof(*tags));
    }
    return done;
}

/* ---- Walking --------------------------------------------------------------------------------- */

struct lmm_extent lmm_run_extent_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                        size_t slot)
{
    struct lmm_extent extent = {
        .slot = slot, .length = 1, .used = 1, .tag = lmm_load_relaxed(&page->tags[slot])};

    if (page->kind == LMM_PAGE_SLOTS) {
        return extent;
    }
    LMM_CHECK(lmm_lock_is_held(&runs->lock));
    extent.used = lmm_tag_state(extent.tag) == LMM_TAG_HOLE
                      ? lmm_hole_length(lmm_hole_at(&runs->holes, page, slot))
                      : lmm_run_length(page, slot);
    extent.length = page->kind == LMM_PAGE_SPAN || lmm_tag_state(extent.tag) == LMM_TAG_HOLE
                        ? extent.used
                        : lmm_run_room(runs, extent.used);
    return extent;
}

size_t lmm_run_extents_end(const struct lmm_page *page)
{
    return page->kind == LMM_PAGE_SLOTS  ? page->fresh
           : page->kind == LMM_PAGE_SPAN ? 1
                                         : page->slots;
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

/* Gives the system pages back that lie wholly inside a hole. */
static size_t trim_hole(const struct lmm_hole *hole)
{
    struct lmm_page *page = hole->page;
    size_t end_slot = hole->slot + lmm_hole_length(hole);
    size_t first =
        ((size_t) hole->slot * page->stride + LMM_SYSTEM_PAGE_BYTES - 1) / LMM_SYSTEM_PAGE_BYTES;
    /* The bytes after the last slot go with it. */
    size_t end_byte = end_slot == page->slots
                          ? (size_t) lmm_page_facts(page)->units * LMM_UNIT_BYTES
                          : end_slot * page->stride;

    return lmm_memory_discard(page, first, end_byte / LMM_SYSTEM_PAGE_BYTES);
}

size_t lmm_runs_trim(struct lmm_runs *runs)
{
    size_t bytes = 0;

    lmm_lock_acquire(&runs->lock);
    for (const struct lmm_hole *hole = lmm_holes_walk(&runs->holes, NULL); hole != NULL;
         hole = lmm_holes_walk(&runs->holes, hole)) {
        bytes += trim_hole(hole);
    }
    lmm_runs_count_committed(runs, -(int64_t) bytes);
    LMM_CHECK(lmm_runs_are_valid_locked(runs));
    lmm_lock_release(&runs->lock);
    return bytes;
}

/* Whether there is a cached run in the page; *ret_extent is the first one. */
static bool find_cached(struct lmm_runs *runs, const struct lmm_page *page,
                        struct lmm_extent *ret_extent)
{
    bool found = false;

    lmm_lock_acquire(&runs->lock);
    for (size_t slot = 0; !found && slot < lmm_run_extents_end(page); slot += ret_extent->length) {
        *ret_extent = lmm_run_extent_locked(runs, page, slot);
        found = lmm_tag_is_cached(ret_extent->tag);
    }
    lmm_lock_release(&runs->lock);
    return found;
}

void lmm_runs_release_cached(struct lmm_runs *runs)
{
    struct lmm_page *next;
    struct lmm_extent extent;

    for (struct lmm_page *page = lmm_page_next(&runs->pages, NULL); page != NULL; page = next) {
        next = lmm_page_next(&runs->pages, page);
        while (page->kind != LMM_PAGE_NONE && find_cached(runs, page, &extent)) {
            lmm_run_give(runs, page, extent.slot, extent.used);
        }
    }
    lmm_lock_acquire(&runs->lock);
    show_holes_locked(runs); /* fork may have copied the gauges at another moment than the holes */
    lmm_lock_release(&runs->lock);
}

/* ---- Validity -------------------------------------------------------------------------------- */

/* What the extents of a family's run pages add up to. */
struct totals {
    uint32_t extents;
    uint32_t holes;
    size_t free_slots;
};

/* Checks I2, and I4 for a run that is handed out. */
static bool extent_is_valid(const struct lmm_runs *runs, const struct lmm_page *page,
                            const struct lmm_extent *extent)
{
    bool is_hole = lmm_tag_state(extent->tag) == LMM_TAG_HOLE;
    size_t end = extent->slot + extent->length;

    if (end > page->slots || (is_hole && lmm_hole_at(&runs->holes, page, end - 1) !=
                                             lmm_hole_at(&runs->holes, page, extent->slot))) {
        return false;
    }
    for (size_t slot = extent->slot; slot < end; slot++) {
        uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
        bool is_inside =
            is_hole ? slot != extent->slot && slot != end - 1 : slot > extent->slot + 1;
        if ((is_inside && (lmm_tag_state(tag) != LMM_TAG_FREE || lmm_tag_is_cached(tag))) ||
            (!is_hole && !lmm_memory_holds_slot(page, slot))) {
            return false;
        }
    }
    return is_hole || lmm_tag_is_cached(extent->tag) || lmm_tag_state(extent->tag) == LMM_TAG_LIVE;
}

/* Checks that extents tile the page, and adds them to *totals. */
static bool page_is_valid(const struct lmm_runs *runs, const struct lmm_page *page,
                          struct totals *totals)
{
    struct lmm_extent extent;
    bool after_hole = false;

    for (size_t slot = 0; slot < page->slots; slot += extent.length) {
        extent = lmm_run_extent_locked(runs, page, slot);
        bool is_hole = lmm_tag_state(extent.tag) == LMM_TAG_HOLE;
        if ((is_hole && after_hole) || extent.length == 0 ||
            !extent_is_valid(runs, page, &extent)) {
            return false;
        }
        after_hole = is_hole;
        totals->extents++;
        totals->holes += is_hole;
        totals->free_slots += is_hole ? extent.length : 0;
    }
    return lmm_runs_page_has_its_units(page);
}

bool lmm_runs_are_valid_locked(const struct lmm_runs *runs)
{
    struct totals totals = {0};

    for (struct lmm_page *page = lmm_page_next(&runs->pages, NULL); page != NULL;
         page = lmm_page_next(&runs->pages, page)) {
        if (!(page->kind == LMM_PAGE_SPAN ? lmm_span_is_valid_locked(page)
                                          : page_is_valid(runs, page, &totals))) {
            return false;
        }
    }
    return totals.holes == runs->holes.queue.count && totals.extents <= runs->holes.reserved &&
           totals.free_slots == runs->holes.free_slots && lmm_holes_are_valid(&runs->holes);
}
