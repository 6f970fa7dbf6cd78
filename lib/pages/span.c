/* SPDX-License-Identifier: MIT */
#include "lib/pages/span.h"

#include "lib/ground/tools.h"
#include "lib/ground/meta.h"
#include "lib/ground/panic.h"
#include "lib/ground/reservoir.h"
#include "lib/ground/vm.h"
#include "lib/pages/memory.h"

#include <errno.h>

enum {
    SPAN_UNITS_MAX = 1 << 20, /* 256 GiB; each unit costs a descriptor */
    /* A shorter span is copied: then its memory stays in the reservoir, and mappings are few. */
    MOVED_UNITS_MIN = LMM_SPACE_RUN_UNITS,
    KEPT_PART = 2, /* of a short span's length may be kept after its end */
};

/* ---- Pages ----------------------------------------------------------------------------------- */

bool lmm_runs_have_length(const struct lmm_runs *runs, size_t n, size_t *ret_bytes)
{
    return n <= LMM_TAG_VALUE_MASK && lmm_multiply_fits(n, runs->stride, ret_bytes) &&
           *ret_bytes <= SIZE_MAX / 4;
}

/* The slots in so many units, at most as many as a tag can count. */
static uint32_t slots_in(size_t stride, size_t units)
{
    size_t slots = units * LMM_UNIT_BYTES / stride;

    return (uint32_t) (slots > LMM_TAG_VALUE_MASK ? LMM_TAG_VALUE_MASK : slots);
}

static size_t units_for(size_t bytes)
{
    return (bytes + LMM_UNIT_BYTES - 1) / LMM_UNIT_BYTES;
}

static size_t tag_bytes(enum lmm_page_kind kind, size_t stride, size_t units)
{
    return kind == LMM_PAGE_SPAN ? LMM_SPAN_TAGS * sizeof(uint32_t)
                                 : lmm_page_tag_bytes(slots_in(stride, units), stride, units);
}

/* Begins the descriptor of a page of `units` units at base, for which lmm_page_reserve() was
 * called. */
static struct lmm_page *page_at(char *base, size_t units)
{
    struct lmm_page *page = lmm_page_unit((uintptr_t) base);

    /* A walk may read it before it takes the page's lock; it is the same for each page here. */
    lmm_store_relaxed(&page->unit, (uint32_t) ((uintptr_t) base >> LMM_UNIT_SHIFT));
    lmm_store_relaxed(&lmm_page_facts(page)->units, (uint32_t) units);
    return page;
}

/* Makes the units [first, end) from page's base on units of the page. */
static void page_add_follows(const struct lmm_runs *runs, const struct lmm_page *page, size_t first,
                             size_t end)
{
    for (size_t i = first; i < end; i++) {
        struct lmm_page *follow =
            lmm_page_unit((uintptr_t) lmm_page_base(page) + i * LMM_UNIT_BYTES);
        lmm_store_relaxed(&follow->unit, page->unit);
        lmm_store_relaxed(&follow->family, runs->family);
        lmm_store_release(&follow->kind, LMM_PAGE_FOLLOW);
    }
}

/* Completes the descriptor that page_at() began; its facts are complete already. Other threads see
 * a page after the last store, which is a release. */
static void page_publish(const struct lmm_runs *runs, struct lmm_page *page,
                         enum lmm_page_kind kind, uint32_t *tags, bool is_apart)
{
    page->slots = slots_in(runs->stride, lmm_page_facts(page)->units);
    page->stride = (uint32_t) runs->stride;
    lmm_store_relaxed(&page->family, runs->family);
    lmm_store_relaxed(&page->owner, NULL);
    page->gone = 0;
    page->queued = 0;
    page->apart = is_apart;
    page->advised = 0;
    page->multiplier = kind == LMM_PAGE_RUNS && runs->stride <= LMM_SLOT_STRIDE_MAX
                           ? lmm_page_multiplier(runs->stride)
                           : 0;
    lmm_store_release(&page->tags, tags);
    page_add_follows(runs, page, 1, lmm_page_facts(page)->units);
    lmm_store_release(&page->kind, kind);
}

static struct lmm_page *page_create(struct lmm_runs *runs, char *base, size_t units, bool fresh,
                                    enum lmm_page_kind kind)
{
    size_t bytes = tag_bytes(kind, runs->stride, units);

    if (!lmm_page_reserve(base, units)) {
        return NULL;
    }
    struct lmm_page *page = page_at(base, units);
    struct lmm_page_facts *facts = lmm_page_facts(page);
    facts->absent_long = NULL;
    uint32_t *tags = lmm_meta_alloc(&lmm_arena_tags, bytes);
    if (tags == NULL || (kind == LMM_PAGE_RUNS && !lmm_memory_begin(page, fresh))) {
        if (tags != NULL) {
            lmm_meta_free(&lmm_arena_tags, tags, bytes);
        }
        return NULL;
    }
    if (kind == LMM_PAGE_SPAN) {
        lmm_store_relaxed(&facts->clean_from, fresh ? 0 : lmm_memory_clean_from(base, units));
        lmm_store_relaxed(&tags[1], 0);
    }
    page_publish(runs, page, kind, tags, false);
    return page;
}

struct lmm_page *lmm_runs_take_page(struct lmm_runs *runs, size_t units, size_t align,
                                    enum lmm_page_kind kind)
{
    bool is_long = kind == LMM_PAGE_SPAN && units >= LMM_HUGE_SPAN_UNITS;
    bool fresh;
    char *base = is_long ? lmm_reservoir_take_roomy(&units, align, &fresh)
                         : lmm_reservoir_take_aligned(units, align, &fresh);
    if (base == NULL) {
        return NULL;
    }
    struct lmm_page *page = page_create(runs, base, units, fresh, kind);
    if (page == NULL) {
        lmm_reservoir_drop(base, units, false);
        errno = ENOMEM;
        return NULL;
    }
    lmm_tools_page_begins(base, units * LMM_UNIT_BYTES);
    lmm_accounts_count_page(runs->record, 1, units * LMM_UNIT_BYTES, page->slots);
    return page;
}

struct lmm_ended_page lmm_runs_end_page_locked(struct lmm_page *page)
{
    LMM_CHECK(page->kind == LMM_PAGE_RUNS || page->kind == LMM_PAGE_SPAN);
    struct lmm_page_facts *facts = lmm_page_facts(page);
    struct lmm_ended_page ended = {
        .base = lmm_page_base(page),
        .units = facts->units,
        .slots = page->slots,
        .tags = page->tags,
        .tag_bytes = tag_bytes(page->kind, page->stride, facts->units),
        .is_apart = page->apart,
    };

    lmm_memory_end(page);
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

void lmm_runs_give_page_back(const struct lmm_runs *runs, const struct lmm_ended_page *ended)
{
    size_t bytes = ended->units * LMM_UNIT_BYTES;

    lmm_meta_free(&lmm_arena_tags, ended->tags, ended->tag_bytes);
    lmm_tools_page_ends(ended->base, bytes);
    if (ended->is_apart || ended->is_sparse) {
        lmm_reservoir_drop(ended->base, ended->units, ended->is_apart);
    } else {
        lmm_reservoir_put(ended->base, ended->units);
    }
    lmm_accounts_count_page(runs->record, -1, bytes, ended->slots);
}

/* ---- Spans ----------------------------------------------------------------------------------- */

/* Makes a span n slots long, for which it has the address space, and gives the memory after them
 * back, unless it keeps its end: a span that grows will soon need it. Only the thread that holds the
 * block calls this; the lock is for walks. */
static void set_span_length(struct lmm_runs *runs, struct lmm_page *page, size_t n, bool keeps_end)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    size_t end = lmm_vm_round_up(n * page->stride) / LMM_SYSTEM_PAGE_BYTES;
    size_t old_end = facts->clean_from;

    if (end < old_end &&
        (keeps_end || !lmm_vm_discard(lmm_page_base(page) + end * LMM_SYSTEM_PAGE_BYTES,
                                      (old_end - end) * LMM_SYSTEM_PAGE_BYTES))) {
        end = old_end;
    }
    lmm_lock_acquire(&runs->lock);
    if (end < old_end) {
        lmm_huge_forget_locked(&runs->huge, page);
    }
    lmm_store_relaxed(&facts->clean_from, (uint32_t) end);
    lmm_runs_count_committed(runs, ((int64_t) end - (int64_t) old_end) * LMM_SYSTEM_PAGE_BYTES);
    lmm_page_set_tag(page, 1, lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n));
    lmm_lock_release(&runs->lock);
}

/* Whether a new span keeps the memory after its first n slots that the last page there has left: one
 * that grows will soon need it; and a short one keeps some, which the next one there may need. */
static bool keeps_end(const struct lmm_page *page, size_t n, bool grows)
{
    size_t units = lmm_page_facts(page)->units;
    size_t end = n * page->stride / LMM_SYSTEM_PAGE_BYTES;

    return (grows && units < LMM_HUGE_SPAN_UNITS) ||
           (units == 1 && lmm_page_facts(page)->clean_from <= end + end / KEPT_PART);
}

static char *take(struct lmm_runs *runs, size_t n, size_t align, uint32_t live_value, bool grows,
                  bool *ret_zeroed)
{
    size_t bytes = n * runs->stride;
    size_t units = units_for(bytes);
    LMM_CHECK(n <= LMM_TAG_VALUE_MASK && n <= SIZE_MAX / 4 / runs->stride);
    if (units > SPAN_UNITS_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    struct lmm_page *page = lmm_runs_take_page(
        runs, units, align > LMM_UNIT_BYTES ? align : LMM_UNIT_BYTES, LMM_PAGE_SPAN);
    if (page == NULL) {
        return NULL;
    }
    size_t untouched = lmm_page_facts(page)->clean_from;
    *ret_zeroed = untouched == 0;
    lmm_runs_count_committed(runs, (int64_t) lmm_memory_committed_bytes(page));
    set_span_length(runs, page, n, keeps_end(page, n, grows));
    char *block = lmm_page_base(page);
    lmm_page_set_tag(page, 0, lmm_tag_after_block(lmm_tag_make(LMM_TAG_LIVE, live_value), block));
    lmm_lock_acquire(&runs->lock);
    lmm_huge_begin_locked(&runs->huge, page, untouched);
    glthread_insert_before(&runs->pages, &page->glue);
    lmm_lock_release(&runs->lock);
    return block;
}

char *lmm_span_take(struct lmm_runs *runs, size_t n, size_t align, uint32_t live_value,
                    bool *ret_zeroed)
{
    return take(runs, n, align, live_value, false, ret_zeroed);
}

char *lmm_span_take_growing(struct lmm_runs *runs, size_t n, uint32_t live_value)
{
    size_t bytes;
    bool zeroed;

    if (!lmm_runs_have_length(runs, n, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return take(runs, n, LMM_UNIT_BYTES, live_value, true, &zeroed);
}

uint32_t *lmm_span_alloc_tags(void)
{
    return lmm_meta_alloc(&lmm_arena_tags, LMM_SPAN_TAGS * sizeof(uint32_t));
}

void lmm_span_begin_locked(struct lmm_runs *runs, const struct lmm_ended_page *ended, size_t n,
                           uint32_t *tags, uint32_t first)
{
    struct lmm_page *page = page_at(ended->base, ended->units);
    struct lmm_page_facts *facts = lmm_page_facts(page);

    LMM_CHECK(lmm_lock_is_held(&runs->lock) && facts->absent_long == NULL);
    lmm_store_relaxed(&facts->clean_from, lmm_memory_clean_from(ended->base, ended->units));
    lmm_store_relaxed(&tags[0], first);
    lmm_store_relaxed(&tags[1], lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n));
    page_publish(runs, page, LMM_PAGE_SPAN, tags, false);
    glthread_insert_before(&runs->pages, &page->glue);
}

/* Whether a long span was touched in parts only. Then its memory is not worth keeping: the next
 * block there may be calloc's, which would write all of it. */
static bool is_sparse(const struct lmm_page *page)
{
    return lmm_page_facts(page)->units >= LMM_HUGE_SPAN_UNITS &&
           !lmm_vm_is_resident(lmm_page_base(page), lmm_memory_committed_bytes(page));
}

void lmm_span_give(struct lmm_runs *runs, struct lmm_page *page)
{
    bool sparse = is_sparse(page);

    lmm_lock_acquire(&runs->lock);
    LMM_CHECK(lmm_span_is_valid_locked(page));
    lmm_huge_end_locked(&runs->huge, page, !sparse);
    glthread_remove(&page->glue);
    lmm_runs_count_committed(runs, -(int64_t) lmm_memory_committed_bytes(page));
    lmm_page_set_tag(page, 0, 0);
    lmm_page_set_tag(page, 1, 0);
    struct lmm_ended_page ended = lmm_runs_end_page_locked(page);
    ended.is_sparse = sparse;
    lmm_lock_release(&runs->lock);
    lmm_runs_give_page_back(runs, &ended);
}

bool lmm_span_resize(struct lmm_runs *runs, struct lmm_page *page, size_t length, size_t n)
{
    if (n > page->slots || (n < length && n * page->stride <= LMM_RUN_BYTES_MAX)) {
        return false;
    }
    set_span_length(runs, page, n, n > length);
    return true;
}

/* ---- Spans that outgrow their address space -------------------------------------------------- */

static void count_units(const struct lmm_runs *runs, size_t units, size_t slots, size_t old_units,
                        size_t old_slots)
{
    lmm_accounts_count_page(runs->record, 1, units * LMM_UNIT_BYTES, slots);
    lmm_accounts_count_page(runs->record, -1, old_units * LMM_UNIT_BYTES, old_slots);
}

/* Makes a span that has ended a page again, at base, where its memory is now. */
static struct lmm_page *revive_span(struct lmm_runs *runs, const struct lmm_ended_page *ended,
                                    char *base, size_t units, uint32_t clean_from, bool is_apart)
{
    struct lmm_page *page = page_at(base, units);
    struct lmm_page_facts *facts = lmm_page_facts(page);

    lmm_lock_acquire(&runs->lock);
    facts->absent_long = NULL;
    lmm_store_relaxed(&facts->clean_from, clean_from);
    page_publish(runs, page, LMM_PAGE_SPAN, ended->tags, is_apart);
    glthread_insert_before(&runs->pages, &page->glue);
    lmm_lock_release(&runs->lock);
    return page;
}

/* Atomic: the calls of lmm_span_remap(). */
static uint32_t remaps;

bool lmm_spans_are_at_rest(void)
{
    return lmm_load_acquire(&remaps) == 0;
}

/*
 * Moves a span to new addresses, with its tags. As soon as the kernel has moved the memory, another
 * thread may get the old addresses; so the span's page ends before that. A walk meanwhile does not
 * see the block.
 */
static struct lmm_page *move_span(struct lmm_runs *runs, struct lmm_page *page, size_t units)
{
    size_t bytes = units * LMM_UNIT_BYTES;
    size_t align = bytes < LMM_LARGE_PAGE_BYTES ? LMM_UNIT_BYTES : LMM_LARGE_PAGE_BYTES;
    char *target = lmm_reservoir_take_moved(units, align);

    if (target == NULL) {
        return NULL;
    }
    if (!lmm_page_reserve(target, units)) {
        lmm_reservoir_drop(target, units, false);
        return NULL;
    }
    lmm_lock_acquire(&runs->lock);
    uint32_t clean_from = lmm_page_facts(page)->clean_from;
    glthread_remove(&page->glue);
    struct lmm_ended_page ended = lmm_runs_end_page_locked(page);
    lmm_lock_release(&runs->lock);
    if (!lmm_reservoir_move(ended.base, ended.units, target, units, ended.is_apart)) {
        revive_span(runs, &ended, ended.base, ended.units, clean_from, ended.is_apart);
        lmm_reservoir_drop(target, units, false);
        return NULL;
    }
    page = revive_span(runs, &ended, target, units, clean_from, true);
    count_units(runs, units, page->slots, ended.units, ended.slots);
    return page;
}

/* Makes the units after a span, which it has got, part of its page. From the system page `clean_from`
 * of the added units on all are absent. */
static void add_units(struct lmm_runs *runs, struct lmm_page *page, size_t units,
                      uint32_t clean_from)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    size_t old_units = facts->units;
    size_t old_slots = page->slots;
    uint32_t old_clean = facts->clean_from;
    uint32_t clean = (uint32_t) (old_units * LMM_UNIT_SYSTEM_PAGES) + clean_from;

    lmm_lock_acquire(&runs->lock);
    page_add_follows(runs, page, old_units, units);
    lmm_store_relaxed(&facts->units, (uint32_t) units);
    page->slots = slots_in(runs->stride, units);
    if (clean_from != 0) {
        lmm_store_relaxed(&facts->clean_from, clean);
        lmm_runs_count_committed(runs, ((int64_t) clean - old_clean) * LMM_SYSTEM_PAGE_BYTES);
    }
    lmm_lock_release(&runs->lock);
    count_units(runs, units, page->slots, old_units, old_slots);
}

static void forget_advice(struct lmm_runs *runs, struct lmm_page *page)
{
    lmm_lock_acquire(&runs->lock);
    lmm_huge_forget_locked(&runs->huge, page);
    lmm_lock_release(&runs->lock);
}

/* Adds the addresses after a span to it, or moves it when they are not free. Returns its page. */
static struct lmm_page *grow_span(struct lmm_runs *runs, struct lmm_page *page, size_t units)
{
    char *base = lmm_page_base(page);
    size_t old_units = lmm_page_facts(page)->units;
    int result = -ENOMEM;

    if (lmm_page_reserve(base + old_units * LMM_UNIT_BYTES, units - old_units)) {
        result = lmm_reservoir_extend(base, old_units, units, page->apart);
    }
    if (result != 0) {
        bool may_move = result == -ENOMEM && units >= MOVED_UNITS_MIN;
        return may_move ? move_span(runs, page, units) : NULL;
    }
    add_units(runs, page, units, 0);
    return page;
}

bool lmm_span_extend(struct lmm_runs *runs, struct lmm_page *page, size_t n)
{
    const char *base = lmm_page_base(page);
    size_t old_units = lmm_page_facts(page)->units;
    size_t bytes;

    if (page->apart || lmm_tools_active || !lmm_runs_have_length(runs, n, &bytes) ||
        units_for(bytes) <= old_units ||
        !lmm_reservoir_extend_kept(base, old_units, units_for(bytes))) {
        return false;
    }
    size_t units = units_for(bytes);
    forget_advice(runs, page);
    add_units(runs, page, units,
              lmm_memory_clean_from(base + old_units * LMM_UNIT_BYTES, units - old_units));
    set_span_length(runs, page, n, true);
    return true;
}

static struct lmm_page *remap(struct lmm_runs *runs, struct lmm_page *page, size_t n)
{
    size_t units = lmm_page_facts(page)->units;
    struct lmm_page *grown = NULL;
    size_t bytes;

    if (page->kind == LMM_PAGE_SPAN && !lmm_tools_active && lmm_runs_have_length(runs, n, &bytes)) {
        size_t needed = units_for(bytes);
        forget_advice(runs, page);
        size_t roomy = units + units / 2;
        roomy = roomy > SPAN_UNITS_MAX ? SPAN_UNITS_MAX : roomy;
        LMM_CHECK(needed > units);
        if (roomy > needed) {
            grown = grow_span(runs, page, roomy);
        }
        if (grown == NULL && needed <= SPAN_UNITS_MAX) {
            grown = grow_span(runs, page, needed);
        }
    }
    return grown;
}

char *lmm_span_remap(struct lmm_runs *runs, struct lmm_page *page, size_t n)
{
    uint32_t one = 1;

    lmm_fetch_add_relaxed(&remaps, one);
    struct lmm_page *grown = remap(runs, page, n);
    char *block = grown == NULL ? NULL : lmm_page_base(grown);
    if (grown != NULL) {
        set_span_length(runs, grown, n, true);
    }
    one = lmm_tag_after_block(one, block);
    __atomic_fetch_sub(&remaps, one, __ATOMIC_RELEASE);
    if (grown == NULL) {
        errno = ENOMEM;
    }
    return block;
}

/* ---- Validity -------------------------------------------------------------------------------- */

bool lmm_runs_page_has_its_units(const struct lmm_page *page)
{
    for (size_t i = 0; i < lmm_page_facts(page)->units; i++) {
        if (lmm_page_of((uintptr_t) lmm_page_base(page) + i * LMM_UNIT_BYTES) != page) {
            return false;
        }
    }
    return true;
}

bool lmm_span_is_valid_locked(const struct lmm_page *page)
{
    const struct lmm_page_facts *facts = lmm_page_facts(page);
    uint32_t first = lmm_load_relaxed(&page->tags[0]);
    uint32_t second = lmm_load_relaxed(&page->tags[1]);
    size_t n = lmm_tag_value(second);
    size_t committed_bytes = lmm_memory_committed_bytes(page);

    return (lmm_tag_state(first) == LMM_TAG_LIVE || lmm_tag_is_cached(first)) &&
           lmm_tag_state(second) == LMM_TAG_TAIL && n != 0 && n <= page->slots &&
           n * page->stride <= committed_bytes &&
           committed_bytes <= (size_t) facts->units * LMM_UNIT_BYTES &&
           lmm_runs_page_has_its_units(page);
}
