/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "hooks.h"
#include "meta.h"
#include "options.h"
#include "reservoir.h"
#include "vm.h"

#include <errno.h>

enum {
    RUN_BYTES_MAX = LMM_UNIT_BYTES / 2,    /* longer runs are spans */
    SPAN_UNITS_MAX = 1 << 20,              /* 256 GiB; each unit costs a descriptor */
    SLOTS_MIN = 8,                         /* of a run page, where address space allows */
    SPAN_TAGS = 2,
    HUGE_PAGE_BYTES = 2 << 20,             /* the kernel moves page tables of so much at once */
};

void lmm_runs_init(struct lmm_runs *runs, uint16_t family, size_t stride,
                   struct lmm_ledger_family *record)
{
    lmm_lock_init(&runs->lock, LMM_RANK_RUNS);
    runs->stride = stride;
    runs->family = family;
    runs->record = record;
    lmm_holes_init(&runs->holes, lmm_options.fit);
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
    size_t slots = lmm_load_relaxed(&page->kind) == LMM_PAGE_SPAN ? SPAN_TAGS : page->slots;
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

/* The descriptor of `units` units at base, which are reserved and no page yet. */
static struct lmm_page *page_at(char *base, size_t units)
{
    struct lmm_page *page = lmm_page_unit((uintptr_t) base);

    page->unit = (uint32_t) ((uintptr_t) base >> LMM_UNIT_SHIFT);
    lmm_store_relaxed(&lmm_page_facts(page)->units, (uint32_t) units);
    return page;
}

/* Makes the units [first, end) of page units of it. */
static void page_add_follows(const struct lmm_runs *runs, const struct lmm_page *page, size_t first,
                             size_t end)
{
    for (size_t i = first; i < end; i++) {
        struct lmm_page *follow =
            lmm_page_unit((uintptr_t) lmm_page_base(page) + i * LMM_UNIT_BYTES);
        follow->unit = page->unit;
        lmm_store_relaxed(&follow->family, runs->family);
        lmm_store_release(&follow->kind, LMM_PAGE_FOLLOW);
    }
}

/* Fills in what page_at() began, the facts but for `units` being right already; from then on it is a page
 * to everybody. */
static void page_publish(const struct lmm_runs *runs, struct lmm_page *page, enum lmm_page_kind kind,
                         size_t slots, uint32_t *tags)
{
    page->slots = (uint32_t) slots;
    page->stride = (uint32_t) runs->stride;
    lmm_store_relaxed(&page->family, runs->family);
    lmm_store_relaxed(&page->owner, NULL);
    page->gone = 0;
    page->queued = 0;
    page->multiplier =
        kind == LMM_PAGE_RUNS && runs->stride <= LMM_SLOT_STRIDE_MAX ? lmm_page_multiplier(runs->stride)
                                                                      : 0;
    lmm_store_release(&page->tags, tags);
    page_add_follows(runs, page, 1, lmm_page_facts(page)->units);
    lmm_store_release(&page->kind, kind);
}

/* Makes `units` units at base one page. The tags hold FREE. False with errno ENOMEM. */
static struct lmm_page *page_create(struct lmm_runs *runs, char *base, size_t units, bool fresh,
                                    enum lmm_page_kind kind, size_t slots, size_t tag_count)
{
    if (!lmm_page_reserve(base, units)) {
        return NULL;
    }
    struct lmm_page *page = page_at(base, units);
    struct lmm_page_facts *facts = lmm_page_facts(page);
    facts->absent_long = NULL;
    uint32_t *tags = lmm_meta_alloc(&lmm_arena_tags, tag_count * sizeof(uint32_t));
    if (tags == NULL || (kind == LMM_PAGE_RUNS && !lmm_page_set_absent(page, fresh))) {
        if (tags != NULL) {
            lmm_meta_free(&lmm_arena_tags, tags, tag_count * sizeof(uint32_t));
        }
        return NULL;
    }
    if (kind == LMM_PAGE_SPAN) {
        lmm_store_relaxed(&facts->clean_from, fresh ? 0 : lmm_page_clean_from(base, units));
        lmm_store_relaxed(&tags[1], 0);
    }
    page_publish(runs, page, kind, slots, tags);
    return page;
}

/* Takes units from the reservoir and makes them a page; gives them back when that fails. */
static struct lmm_page *page_take(struct lmm_runs *runs, size_t units, size_t align,
                                  enum lmm_page_kind kind, size_t slots, size_t tag_count)
{
    bool fresh;
    char *base = lmm_reservoir_take_aligned(units, align, &fresh);
    if (base == NULL) {
        return NULL;
    }
    struct lmm_page *page = page_create(runs, base, units, fresh, kind, slots, tag_count);
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

/* A page that has ended, and what is to be given back of it. */
struct ended {
    char *base;
    size_t units;
    size_t slots;
    uint32_t *tags;
    size_t tag_count;
};

/* Ends a page that is on no list any more: its descriptors tell only whose it was. Its units and tags are
 * as they were; they may be given back without the lock. */
static struct ended page_end_locked(struct lmm_page *page)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    struct ended ended = {
        .base = lmm_page_base(page),
        .units = facts->units,
        .slots = page->slots,
        .tags = page->tags,
        .tag_count = page->kind == LMM_PAGE_SPAN
                         ? SPAN_TAGS
                         : lmm_page_tag_count(page->slots, page->stride, facts->units),
    };

    lmm_page_leave_absent(page);
    if (facts->absent_long != NULL) {
        lmm_meta_free(&lmm_arena_records, facts->absent_long, ended.units * sizeof(uint64_t));
        facts->absent_long = NULL;
    }
    for (size_t i = 0; i < ended.units; i++) {
        struct lmm_page *unit = lmm_page_unit((uintptr_t) ended.base + i * LMM_UNIT_BYTES);
        unit->gone = 1;
        unit->multiplier = 0;
        lmm_store_release(&unit->kind, LMM_PAGE_NONE);
    }
    lmm_store_release(&page->tags, NULL);
    return ended;
}

static void give_back(const struct lmm_runs *runs, const struct ended *ended)
{
    size_t bytes = ended->units * LMM_UNIT_BYTES;

    lmm_meta_free(&lmm_arena_tags, ended->tags, ended->tag_count * sizeof(uint32_t));
    lmm_hooks_page_ends(ended->base, bytes);
    lmm_reservoir_put(ended->base, ended->units);
    lmm_ledger_count_page(runs->record, -1, bytes, ended->slots);
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
    if (!lmm_holes_reserve(&runs->holes)) {
        return NULL;
    }
    for (size_t units = run_page_units(runs->stride); units != 0; units /= 2) {
        size_t slots = units * LMM_UNIT_BYTES / runs->stride;
        struct lmm_page *page =
            page_take(runs, units, LMM_UNIT_BYTES, LMM_PAGE_RUNS, slots,
                      lmm_page_tag_count(slots, runs->stride, units));
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
    struct ended ended = page_end_locked(page);
    give_back(runs, &ended);
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

/* Cuts slots [slot, slot + n) out of hole. What is left on both sides are holes; two promises are needed
 * in place of one when there are both. */
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

/* Promises `count` descriptors, or none. */
static bool reserve_all(struct lmm_holes *holes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!lmm_holes_reserve(holes)) {
            for (; i > 0; i--) {
                lmm_holes_unreserve(holes);
            }
            return false;
        }
    }
    return true;
}

/* In a page that is one hole there is always a place: its first slot. */
static struct lmm_hole *find_hole_locked(struct lmm_runs *runs, size_t n, size_t step)
{
    struct lmm_hole *hole = lmm_hole_find(&runs->holes, n, step);

    if (hole == NULL) {
        hole = add_page_locked(runs);
    }
    return hole != NULL && lmm_hole_length(hole) >= n ? hole : NULL;
}

static char *take_locked(struct lmm_runs *runs, size_t n, size_t step, uint32_t site,
                         uint32_t **ret_tag, bool *ret_zeroed)
{
    struct lmm_hole *hole = find_hole_locked(runs, n, step);

    if (hole == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    struct lmm_page *page = hole->page;
    size_t slot = lmm_hole_place(hole, n, step);
    bool is_first = slot == hole->slot;
    bool is_last = slot + n == hole->slot + lmm_hole_length(hole);
    /* The hole's promise passes to the run; each margin needs one. */
    if (!reserve_all(&runs->holes, (size_t) !is_first + !is_last)) {
        errno = ENOMEM;
        return NULL;
    }
    hole_cut_locked(runs, hole, slot, n);
    *ret_zeroed = reads_zero(page, slot, n);
    commit_slots(runs, page, slot, n);
    tag_run(page, slot, n, lmm_tag_make(LMM_TAG_LIVE, site));
    *ret_tag = &page->tags[slot];
    return lmm_page_slot(page, slot);
}

/* Slots in so many units, as many as a tag can count. */
static size_t span_slots(const struct lmm_runs *runs, size_t units)
{
    size_t slots = units * LMM_UNIT_BYTES / runs->stride;

    return slots > LMM_TAG_VALUE_MASK ? LMM_TAG_VALUE_MASK : slots;
}

/* Makes a span n slots long, for which it has the address space, and gives the memory behind them
 * back. The span's holder alone calls this; the lock is for those who walk. */
static void set_span_length(struct lmm_runs *runs, struct lmm_page *page, size_t n)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    size_t end = lmm_round_up(n * page->stride, LMM_SYSTEM_PAGE_BYTES) / LMM_SYSTEM_PAGE_BYTES;
    size_t old_end = facts->clean_from;

    if (end < old_end && !lmm_vm_discard(lmm_page_base(page) + end * LMM_SYSTEM_PAGE_BYTES,
                                         (old_end - end) * LMM_SYSTEM_PAGE_BYTES)) {
        end = old_end;
    }
    lmm_lock_acquire(&runs->lock);
    lmm_store_relaxed(&facts->clean_from, (uint32_t) end);
    count_committed(runs, ((int64_t) end - (int64_t) old_end) * LMM_SYSTEM_PAGE_BYTES);
    set_tag(page, 1, lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n));
    lmm_lock_release(&runs->lock);
}

/* A run with pages of its own. */
static char *take_span(struct lmm_runs *runs, size_t n, size_t align, uint32_t site,
                       uint32_t **ret_tag, bool *ret_zeroed)
{
    size_t bytes = n * runs->stride;    /* checked by the caller */
    size_t units = (bytes + LMM_UNIT_BYTES - 1) / LMM_UNIT_BYTES;
    if (units > SPAN_UNITS_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    struct lmm_page *page = page_take(runs, units, align > LMM_UNIT_BYTES ? align : LMM_UNIT_BYTES,
                                      LMM_PAGE_SPAN, span_slots(runs, units), SPAN_TAGS);
    if (page == NULL) {
        return NULL;
    }
    *ret_tag = page->tags;
    *ret_zeroed = lmm_page_facts(page)->clean_from == 0;
    count_committed(runs, (int64_t) lmm_page_committed_bytes(page));
    set_span_length(runs, page, n);
    set_tag(page, 0, lmm_tag_make(LMM_TAG_LIVE, site));
    lmm_lock_acquire(&runs->lock);
    glthread_insert_before(&runs->pages, &page->glue);
    lmm_lock_release(&runs->lock);
    return lmm_page_base(page);
}

/* Whether n slots are as many as a tag can count, and *ret_bytes as a run may have. */
static bool is_length(const struct lmm_runs *runs, size_t n, size_t *ret_bytes)
{
    return n <= LMM_TAG_VALUE_MASK && lmm_multiply_fits(n, runs->stride, ret_bytes) &&
           *ret_bytes <= SIZE_MAX / 4;
}

char *lmm_run_take_aligned(struct lmm_runs *runs, size_t n, size_t align, uint32_t site,
                           uint32_t **ret_tag, bool *ret_zeroed)
{
    size_t bytes;

    if (!is_length(runs, n, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (bytes > RUN_BYTES_MAX || align > LMM_UNIT_BYTES) {
        return take_span(runs, n, align, site, ret_tag, ret_zeroed);
    }
    /* Pages are aligned enough, so what counts is the slot's number: of what power of two it must be a
     * multiple, given those that are in the stride. */
    size_t stride_align = runs->stride & -runs->stride;
    size_t step = align > stride_align ? align / stride_align : 1;
    lmm_lock_acquire(&runs->lock);
    char *block = take_locked(runs, n, step, site, ret_tag, ret_zeroed);
    show_holes_locked(runs);
    lmm_lock_release(&runs->lock);
    return block;
}

char *lmm_run_take(struct lmm_runs *runs, size_t n, uint32_t site, uint32_t **ret_tag,
                   bool *ret_zeroed)
{
    return lmm_run_take_aligned(runs, n, 1, site, ret_tag, ret_zeroed);
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
static struct ended end_span_locked(struct lmm_runs *runs, struct lmm_page *page)
{
    glthread_remove(&page->glue);
    count_committed(runs, -(int64_t) lmm_page_committed_bytes(page));
    untag_run(page, 0, SPAN_TAGS);
    return page_end_locked(page);
}

/* The kernel takes its time to unmap a long span, so that is done without the lock. */
static void give_span(struct lmm_runs *runs, struct lmm_page *page)
{
    lmm_lock_acquire(&runs->lock);
    struct ended ended = end_span_locked(runs, page);
    lmm_lock_release(&runs->lock);
    give_back(runs, &ended);
}

void lmm_run_give(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    if (page->kind == LMM_PAGE_SPAN) {
        give_span(runs, page);
        return;
    }
    lmm_lock_acquire(&runs->lock);
    untag_run(page, slot, n);
    release_locked(runs, page, slot, n);
    show_holes_locked(runs);
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
    hole_cut_locked(runs, after, after->slot, n - length);
    commit_slots(runs, page, slot + length, n - length);
    tag_run(page, slot, n, lmm_load_relaxed(&page->tags[slot]));
    return true;
}

/* A span keeps its address space. One that would be short enough for a run page is to become one. */
static bool resize_span(struct lmm_runs *runs, struct lmm_page *page, size_t n)
{
    size_t length = lmm_run_length(page, 0);

    if (n > page->slots || (n < length && n * page->stride <= RUN_BYTES_MAX)) {
        return false;
    }
    set_span_length(runs, page, n);
    return true;
}

bool lmm_run_resize(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n)
{
    size_t length = lmm_run_length(page, slot);
    bool done = false;

    if (n == length || n > LMM_TAG_VALUE_MASK) {
        return n == length;
    }
    if (page->kind == LMM_PAGE_SPAN) {
        return resize_span(runs, page, n);
    }
    lmm_lock_acquire(&runs->lock);
    done = n < length ? shrink_locked(runs, page, slot, length, n)
                      : grow_locked(runs, page, slot, length, n);
    show_holes_locked(runs);
    lmm_lock_release(&runs->lock);
    return done;
}

/* ---- Spans that outgrow their address space -------------------------------------------------- */

static void count_units(const struct lmm_runs *runs, size_t units, size_t slots, size_t old_units,
                        size_t old_slots)
{
    lmm_ledger_count_page(runs->record, 1, units * LMM_UNIT_BYTES, slots);
    lmm_ledger_count_page(runs->record, -1, old_units * LMM_UNIT_BYTES, old_slots);
}

/* Adds the addresses behind a span to it. Returns what lmm_vm_grow() does. */
static int grow_here(struct lmm_runs *runs, struct lmm_page *page, size_t units)
{
    char *base = lmm_page_base(page);
    size_t old_units = lmm_page_facts(page)->units;
    size_t old_slots = page->slots;

    if (!lmm_page_reserve(base + old_units * LMM_UNIT_BYTES, units - old_units)) {
        return -ENOMEM;
    }
    int result = lmm_vm_grow(base, old_units * LMM_UNIT_BYTES, units * LMM_UNIT_BYTES);
    if (result != 0) {
        return result;
    }
    lmm_lock_acquire(&runs->lock);
    page_add_follows(runs, page, old_units, units);
    lmm_store_relaxed(&lmm_page_facts(page)->units, (uint32_t) units);
    page->slots = (uint32_t) span_slots(runs, units);
    lmm_lock_release(&runs->lock);
    count_units(runs, units, page->slots, old_units, old_slots);
    return 0;
}

/* Makes a page again of a span that has ended, at base, where its memory is now. */
static struct lmm_page *revive_span(struct lmm_runs *runs, const struct ended *ended, char *base,
                                    size_t units, uint32_t clean_from)
{
    struct lmm_page *page = page_at(base, units);
    struct lmm_page_facts *facts = lmm_page_facts(page);

    lmm_lock_acquire(&runs->lock);
    facts->absent_long = NULL;
    lmm_store_relaxed(&facts->clean_from, clean_from);
    page_publish(runs, page, LMM_PAGE_SPAN, span_slots(runs, units), ended->tags);
    glthread_insert_before(&runs->pages, &page->glue);
    lmm_lock_release(&runs->lock);
    return page;
}

/*
 * Moves a span to new addresses. As soon as the kernel has moved the memory the old addresses may be
 * anybody's, so their descriptors are no page by then; a walk meanwhile does not see the block. The
 * tags move as they are.
 */
static struct lmm_page *move_span(struct lmm_runs *runs, struct lmm_page *page, size_t units)
{
    size_t bytes = units * LMM_UNIT_BYTES;
    size_t align = bytes < HUGE_PAGE_BYTES ? LMM_UNIT_BYTES : HUGE_PAGE_BYTES;
    char *target = lmm_vm_map_aligned(bytes, align);

    if (target == NULL) {
        return NULL;
    }
    if (!lmm_page_reserve(target, units)) {
        lmm_vm_unmap(target, bytes);
        return NULL;
    }
    lmm_lock_acquire(&runs->lock);
    uint32_t clean_from = lmm_page_facts(page)->clean_from;
    glthread_remove(&page->glue);
    struct ended ended = page_end_locked(page);
    lmm_lock_release(&runs->lock);
    if (!lmm_vm_move(ended.base, ended.units * LMM_UNIT_BYTES, target, bytes)) {
        revive_span(runs, &ended, ended.base, ended.units, clean_from);
        lmm_vm_unmap(target, bytes);
        return NULL;
    }
    page = revive_span(runs, &ended, target, units, clean_from);
    count_units(runs, units, page->slots, ended.units, ended.slots);
    return page;
}

static struct lmm_page *grow_span(struct lmm_runs *runs, struct lmm_page *page, size_t units)
{
    int result = grow_here(runs, page, units);

    if (result == -ENOMEM) {
        return move_span(runs, page, units);
    }
    return result == 0 ? page : NULL;
}

char *lmm_run_remap(struct lmm_runs *runs, struct lmm_page *page, size_t n, uint32_t **ret_tag,
                    size_t *ret_zero_from)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    size_t zero_from = facts->clean_from * (size_t) LMM_SYSTEM_PAGE_BYTES;
    struct lmm_page *grown = NULL;
    size_t bytes;

    if (page->kind == LMM_PAGE_SPAN && !lmm_hooks_active && is_length(runs, n, &bytes)) {
        size_t needed = (bytes + LMM_UNIT_BYTES - 1) / LMM_UNIT_BYTES;
        size_t roomy = facts->units + facts->units / 2;
        roomy = roomy > SPAN_UNITS_MAX ? SPAN_UNITS_MAX : roomy;
        LMM_CHECK(needed > facts->units);
        if (roomy > needed) {
            grown = grow_span(runs, page, roomy);
        }
        if (grown == NULL && needed <= SPAN_UNITS_MAX) {
            grown = grow_span(runs, page, needed);
        }
    }
    if (grown == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    set_span_length(runs, grown, n);
    *ret_tag = grown->tags;
    *ret_zero_from = zero_from;
    return lmm_page_base(grown);
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
            struct ended ended = end_span_locked(runs, page);
            give_back(runs, &ended);
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
           lmm_holes_are_valid(&runs->holes);
}
