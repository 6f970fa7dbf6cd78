/* SPDX-License-Identifier: MIT */
#include "lib/front/walk.h"

#include "lib/pages/family.h"
#include "lib/heaps/page_visit.h"
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
                                 : visit_extent(walk, item, extent.slot, extent.used, extent.tag);
            free_from = extent.slot + extent.used; /* the run's other slots, too, have no block */
        }
    }
    return result != 0 ? result
                       : visit_extent(walk, item, free_from, page->slots - free_from, LMM_TAG_FREE);
}

static int visit_page(const struct lmm_page *page, void *arg)
{
    const struct walk *walk = arg;
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

static int walk_pages(const struct walk *walk)
{
    struct walk own = *walk;
    const struct lmm_page_visitor visitor = {
        .from = own.from, .family = own.family, .visit = visit_page, .arg = &own};

    lmm_thread_settle();
    return lmm_pages_visit(&visitor);
}

int lmm_walk_family(struct lmm_family *family, lmm_walk_visit *visit, void *arg)
{
    return walk_pages(&(struct walk) {0, family, visit, arg});
}

static int note_page(const struct lmm_walk_item *item, void *arg)
{
    *(char **) arg = item->page.base;
    return 1;
}

char *lmm_walk_next_page(struct lmm_family *family, const char *from)
{
    char *base = NULL;

    walk_pages(&(struct walk) {(uintptr_t) from, family, note_page, &base});
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

    walk_pages(&(struct walk) {(uintptr_t) (*position / 2), family, collect, &collector});
    *position = collector.position;
    return collector.count;
}
