/* SPDX-License-Identifier: MIT */
#include "lib/front/walk.h"

#include "lib/pages/family.h"
#include "lib/heaps/heap.h"
#include "lib/pages/memory.h"

/* One walk over all pages, for one family, from an address on. */
struct walk {
    uintptr_t from;
    const struct lmm_family *family; /* NULL: every one */
    const struct lmm_walk_visitor *visitor;
};

static int visit_page(const struct lmm_walk_visitor *visitor, const struct lmm_page *page)
{
    struct lmm_walk_page shown = {
        .family = lmm_families_at(page->family),
        .base = lmm_page_base(page),
        .bytes = (size_t) lmm_page_facts(page)->units * LMM_UNIT_BYTES,
        .committed_bytes = lmm_memory_committed_bytes(page),
        .stride_bytes = page->stride,
        .slots = page->slots,
    };

    return visitor->page == NULL ? 0 : visitor->page(&shown, visitor->arg);
}

static int visit_extent(const struct lmm_walk_visitor *visitor, const struct lmm_page *page,
                        size_t slot, size_t length, uint32_t tag)
{
    bool live = lmm_tag_state(tag) == LMM_TAG_LIVE;
    struct lmm_walk_extent extent = {
        .base = lmm_page_slot(page, slot),
        .slots = length,
        .live = live,
        .site = live ? lmm_tag_site(tag) : 0,
    };

    return visitor->extent == NULL || length == 0 ? 0 : visitor->extent(&extent, visitor->arg);
}

/* Visits the extents of a page; neighbouring free slots, holes and cached runs are one stretch. A
 * slot page is visited from an address on. */
static int walk_extents(const struct lmm_walk_visitor *visitor, const struct lmm_page *page,
                        uintptr_t from)
{
    const struct lmm_runs *runs = &lmm_families_at(page->family)->runs;
    uintptr_t base = (uintptr_t) lmm_page_base(page);
    size_t end = lmm_run_extents_end(page);
    size_t slot = page->kind == LMM_PAGE_SLOTS && from > base ? (from - base) / page->stride : 0;
    size_t free_from = slot;
    int result = 0;

    while (slot < end && result == 0) {
        struct lmm_extent extent = lmm_run_extent_locked(runs, page, slot);
        slot += extent.length;
        if (lmm_tag_state(extent.tag) == LMM_TAG_LIVE) {
            result = visit_extent(visitor, page, free_from, extent.slot - free_from, LMM_TAG_FREE);
            result = result != 0
                         ? result
                         : visit_extent(visitor, page, extent.slot, extent.length, extent.tag);
            free_from = slot;
        }
    }
    return result != 0
               ? result
               : visit_extent(visitor, page, free_from, page->slots - free_from, LMM_TAG_FREE);
}

static bool is_wanted(const struct walk *walk, const struct lmm_page *page)
{
    return walk->family == NULL || lmm_load_relaxed(&page->family) == walk->family->index;
}

/* Visits a slot page under its owner's lock, unless the page has ended meanwhile. */
static int walk_slot_page(const struct walk *walk, struct lmm_page *page)
{
    struct lmm_heap *owner = lmm_load_relaxed(&page->owner);
    int result = 0;

    if (owner == NULL) {
        return 0;
    }
    lmm_lock_acquire(&owner->lock);
    if (page->kind == LMM_PAGE_SLOTS && page->owner == owner && is_wanted(walk, page)) {
        result = visit_page(walk->visitor, page);
        result = result != 0 ? result : walk_extents(walk->visitor, page, walk->from);
    }
    lmm_lock_release(&owner->lock);
    return result;
}

static int walk_run_page(const struct walk *walk, struct lmm_page *page)
{
    uint16_t family = lmm_load_relaxed(&page->family);
    struct lmm_runs *runs = &lmm_families_at(family)->runs;
    int result = 0;

    lmm_lock_acquire(&runs->lock);
    if ((page->kind == LMM_PAGE_RUNS || page->kind == LMM_PAGE_SPAN) && page->family == family) {
        result = visit_page(walk->visitor, page);
        result = result != 0 ? result : walk_extents(walk->visitor, page, walk->from);
    }
    lmm_lock_release(&runs->lock);
    return result;
}

/* Whether all of the page lies before an address. */
static bool lies_before(const struct lmm_page *page, uintptr_t from)
{
    uintptr_t end = (uintptr_t) lmm_page_base(page) +
                    (uintptr_t) lmm_load_relaxed(&lmm_page_facts(page)->units) * LMM_UNIT_BYTES;

    return end <= from;
}

static int walk_page(struct lmm_page *page, void *arg)
{
    const struct walk *walk = arg;

    if (!is_wanted(walk, page) || lies_before(page, walk->from)) {
        return 0;
    }
    return lmm_load_acquire(&page->kind) == LMM_PAGE_SLOTS ? walk_slot_page(walk, page)
                                                           : walk_run_page(walk, page);
}

int lmm_walk_family(struct lmm_family *family, const struct lmm_walk_visitor *visitor)
{
    struct walk walk = {0, family, visitor};

    return lmm_page_for_each(walk_page, &walk);
}

/* ---- Collecting ------------------------------------------------------------------------------ */

/* A position is twice an address, plus one for an extent: a page precedes its first extent. */
struct collector {
    uint64_t position;
    struct lmm_walk_page page;
    struct lmm_walk_item *items;
    size_t count;
    size_t room;
};

static uint64_t position_of(const void *base, bool is_page)
{
    return 2 * (uint64_t) (uintptr_t) base + !is_page;
}

static int collect(struct collector *collector, const struct lmm_walk_item *item, uint64_t position)
{
    if (position < collector->position) {
        return 0;
    }
    collector->items[collector->count++] = *item;
    /* The next item starts where this one ends. */
    size_t bytes = item->is_page ? 0 : item->extent.slots * item->page.stride_bytes;
    collector->position = bytes == 0 ? position + 1 : position - 1 + 2 * (uint64_t) bytes;
    return collector->count == collector->room;
}

static int collect_page(const struct lmm_walk_page *page, void *arg)
{
    struct collector *collector = arg;
    struct lmm_walk_item item = {.is_page = true, .page = *page};

    collector->page = *page;
    return collect(collector, &item, position_of(page->base, true));
}

static int collect_extent(const struct lmm_walk_extent *extent, void *arg)
{
    struct collector *collector = arg;
    struct lmm_walk_item item = {.page = collector->page, .extent = *extent};

    return collect(collector, &item, position_of(extent->base, false));
}

size_t lmm_walk_collect(struct lmm_family *family, uint64_t *position,
                        struct lmm_walk_item *ret_items, size_t room)
{
    struct collector collector = {.position = *position, .items = ret_items, .room = room};
    struct lmm_walk_visitor visitor = {collect_page, collect_extent, &collector};

    struct walk walk = {(uintptr_t) (*position / 2), family, &visitor};
    lmm_page_for_each(walk_page, &walk);
    *position = collector.position;
    return collector.count;
}
