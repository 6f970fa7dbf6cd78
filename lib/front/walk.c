/* SPDX-License-Identifier: MIT */
#include "lib/front/walk.h"

#include "lib/pages/family.h"
#include "lib/heaps/heap.h"
#include "lib/heaps/thread.h"
#include "lib/pages/memory.h"

/* One walk over all pages, for one family, from an address on. */
struct walk {
    uintptr_t from;
    const struct lmm_family *family; /* NULL: every one */
    lmm_walk_visit *visit;
    void *arg;
};

static int visit_extent(const struct walk *walk, struct lmm_walk_item *item, size_t slot,
                        size_t length, uint32_t tag)
{
    bool live = lmm_tag_state(tag) == LMM_TAG_LIVE;
    const struct lmm_family *family = item->page.family;
    size_t struct_bytes = family->counts_bytes ? family->stride : family->size;

    item->extent = (struct lmm_walk_extent) {
        .base = item->page.base + slot * item->page.stride_bytes,
        .slots = length,
        .bytes = live ? lmm_family_bytes(family, tag, length) : length * struct_bytes,
        .live = live,
        .site = live ? lmm_tag_site(tag) : 0,
    };
    return length == 0 ? 0 : walk->visit(item, walk->arg);
}

/* Visits the extents of a page; neighbouring free slots, holes and cached runs are one stretch. A
 * slot page is visited from an address on. */
static int visit_extents(const struct walk *walk, const struct lmm_page *page,
                         struct lmm_walk_item *item)
{
    const struct lmm_runs *runs = &item->page.family->runs;
    uintptr_t base = (uintptr_t) item->page.base;
    size_t end = lmm_run_extents_end(page);
    bool is_cut = page->kind == LMM_PAGE_SLOTS && walk->from > base;
    size_t slot = is_cut ? (walk->from - base) / page->stride : 0;
    size_t free_from = slot;
    int result = 0;

    while (slot < end && result == 0) {
        struct lmm_extent extent = lmm_run_extent_locked(runs, page, slot);
        slot += extent.length;
        if (lmm_tag_state(extent.tag) == LMM_TAG_LIVE) {
            result = visit_extent(walk, item, free_from, extent.slot - free_from, LMM_TAG_FREE);
            result = result != 0 ? result
                                 : visit_extent(walk, item, extent.slot, extent.length, extent.tag);
            free_from = slot;
        }
    }
    return result != 0 ? result
                       : visit_extent(walk, item, free_from, page->slots - free_from, LMM_TAG_FREE);
}

static int visit_page(const struct walk *walk, const struct lmm_page *page)
{
    struct lmm_walk_item item = {.is_page = true};

    item.page = (struct lmm_walk_page) {
        .family = lmm_families_at(page->family),
        .base = lmm_page_base(page),
        .bytes = (size_t) lmm_page_facts(page)->units * LMM_UNIT_BYTES,
        .committed_bytes = lmm_memory_committed_bytes(page),
        .stride_bytes = page->stride,
        .slots = page->slots,
    };
    int result = walk->visit(&item, walk->arg);
    item.is_page = false;
    return result != 0 ? result : visit_extents(walk, page, &item);
}

/* Visits a page under the lock that guards its contents, unless the page ends before that. */
static int walk_page(struct lmm_page *page, void *arg)
{
    const struct walk *walk = arg;
    uint8_t kind = lmm_load_acquire(&page->kind);
    uint16_t family = lmm_load_relaxed(&page->family);
    struct lmm_heap *owner = lmm_load_relaxed(&page->owner);
    uintptr_t end = (uintptr_t) lmm_page_base(page) +
                    (uintptr_t) lmm_load_relaxed(&lmm_page_facts(page)->units) * LMM_UNIT_BYTES;
    int result = 0;

    if (kind == LMM_PAGE_NONE || kind == LMM_PAGE_FOLLOW || end <= walk->from ||
        (kind == LMM_PAGE_SLOTS && owner == NULL) ||
        (walk->family != NULL && family != walk->family->index)) {
        return 0;
    }
    struct lmm_lock *lock =
        kind == LMM_PAGE_SLOTS ? owner->lock : &lmm_families_at(family)->runs.lock;
    lmm_lock_acquire(lock);
    if (page->kind == kind && page->owner == owner && page->family == family) {
        result = visit_page(walk, page);
    }
    lmm_lock_release(lock);
    return result;
}

int lmm_walk_family(struct lmm_family *family, lmm_walk_visit *visit, void *arg)
{
    struct walk walk = {0, family, visit, arg};

    lmm_thread_settle();
    return lmm_page_for_each(walk_page, &walk);
}

static int note_page(const struct lmm_walk_item *item, void *arg)
{
    *(char **) arg = item->page.base;
    return 1;
}

char *lmm_walk_next_page(struct lmm_family *family, const char *from)
{
    char *base = NULL;
    struct walk walk = {(uintptr_t) from, family, note_page, &base};

    lmm_thread_settle();
    lmm_page_for_each(walk_page, &walk);
    return base;
}

/* ---- Collecting ------------------------------------------------------------------------------ */

/* A position is twice an address, plus one for an extent: a page precedes its first extent. */
struct collector {
    uint64_t position;
    struct lmm_walk_item *items;
    size_t count;
    size_t room;
};

static int collect(const struct lmm_walk_item *item, void *arg)
{
    struct collector *collector = arg;
    const char *base = item->is_page ? item->page.base : item->extent.base;
    uint64_t position = 2 * (uint64_t) (uintptr_t) base + !item->is_page;

    if (position < collector->position) {
        return 0;
    }
    collector->items[collector->count++] = *item;
    /* The next item starts where this one ends. */
    size_t bytes = item->is_page ? 0 : item->extent.slots * item->page.stride_bytes;
    collector->position = bytes == 0 ? position + 1 : position - 1 + 2 * (uint64_t) bytes;
    return collector->count == collector->room;
}

size_t lmm_walk_collect(struct lmm_family *family, uint64_t *position,
                        struct lmm_walk_item *ret_items, size_t room)
{
    struct collector collector = {.position = *position, .items = ret_items, .room = room};
    struct walk walk = {(uintptr_t) (*position / 2), family, collect, &collector};

    lmm_thread_settle();
    lmm_page_for_each(walk_page, &walk);
    *position = collector.position;
    return collector.count;
}
