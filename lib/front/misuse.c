/* SPDX-License-Identifier: MIT */
#include "lib/front/misuse.h"

#include "lib/books/site.h"
#include "lib/ground/panic.h"
#include "lib/heaps/thread.h"
#include "lib/pages/family.h"
#include "lib/pages/memory.h"

#include <string.h>

/* Who had allocated the block that started at a free slot, or LMM_SITE_NONE. Of a slot page only its
 * owner can say, about the slot that it freed last: its fast path writes both without a lock. */
static uint32_t freed_site(const struct lmm_location *location)
{
    struct lmm_page *page = location->page;
    struct lmm_runs *runs = &lmm_families_at(page->family)->runs;
    uint32_t site = LMM_SITE_NONE;

    if (page->kind == LMM_PAGE_SLOTS) {
        bool is_last =
            lmm_load_relaxed(&page->owner) == lmm_thread_open.heap && page->head == location->slot;
        return is_last ? page->head_site & ~(uint32_t) LMM_PAGE_SITES : site;
    }
    lmm_lock_acquire(&runs->lock);
    if (page->kind == LMM_PAGE_RUNS) {
        site = lmm_run_freed_site_locked(runs, page, location->slot);
    }
    lmm_lock_release(&runs->lock);
    return site;
}

static _Noreturn void panic_interior(const void *p, const char *verb,
                                     const struct lmm_location *location, size_t first,
                                     uint32_t tag)
{
    const struct lmm_family *family = lmm_families_at(location->page->family);
    const char *start = lmm_page_slot(location->page, first);
    bool is_live = lmm_tag_state(tag) == LMM_TAG_LIVE;
    char what[LMM_FAMILY_BLOCK_BYTES];

    lmm_family_describe(family, is_live ? lmm_tag_site(tag) : freed_site(location), what);
    lmm_panic("%s of an interior pointer: %p (%zu bytes into a %s at %p, %s)", verb, p,
              (size_t) ((const char *) p - start), is_live ? "block" : "free slot",
              (const void *) start, what);
}

/* Returns the first slot of the live run that holds the location, else the location's slot;
 * *ret_tag is the tag of the run that holds it. */
static size_t first_slot(const struct lmm_location *location, uint32_t *ret_tag)
{
    struct lmm_page *page = location->page;
    struct lmm_runs *runs = &lmm_families_at(page->family)->runs;

    const uint32_t *tags = lmm_load_acquire(&page->tags);
    if (page->kind == LMM_PAGE_SLOTS || tags == NULL) {
        *ret_tag = tags == NULL ? LMM_TAG_FREE : lmm_load_relaxed(&tags[location->slot]);
        return location->slot;
    }
    struct lmm_extent extent = {.slot = location->slot};
    lmm_lock_acquire(&runs->lock);
    if (page->kind != LMM_PAGE_NONE) {
        extent = lmm_run_find_locked(runs, page, location->slot);
    }
    lmm_lock_release(&runs->lock);
    *ret_tag = extent.tag;
    return lmm_tag_state(extent.tag) == LMM_TAG_LIVE ? extent.slot : location->slot;
}

void lmm_misuse(const void *p, const char *verb)
{
    struct lmm_location location;
    lmm_thread_settle(); /* this may be a forked child's first call; the panic is noted in its books */
    bool in_page = lmm_page_locate(p, &location);
    const struct lmm_page *page = location.page;
    uint32_t tag = LMM_TAG_FREE; /* of what is outside all slots */
    char what[LMM_FAMILY_BLOCK_BYTES];

    if (page == NULL || (page->kind == LMM_PAGE_NONE && !page->gone)) {
        lmm_panic("%s of a pointer that is no block: %p", verb, p);
    }
    const struct lmm_family *family = lmm_families_at(page->family);
    if (page->kind == LMM_PAGE_NONE) {
        lmm_family_describe(family, LMM_SITE_NONE, what);
        lmm_panic("%s after its page was given back: %p (%s)", verb, p, what);
    }
    size_t first = in_page ? first_slot(&location, &tag) : 0;
    bool was_allocated =
        in_page && (page->kind == LMM_PAGE_SLOTS ? location.slot < page->fresh
                                                 : lmm_memory_holds_slot(page, location.slot));
    if (!in_page || (lmm_tag_state(tag) != LMM_TAG_LIVE && !was_allocated)) {
        lmm_panic("%s of memory that is not allocated: %p (%s)", verb, p, family->name);
    }
    if (location.inside_bytes != 0 || first != location.slot) {
        panic_interior(p, verb, &location, first, tag);
    }
    lmm_family_describe(family, freed_site(&location), what);
    if (strcmp(verb, "free") == 0) {
        lmm_panic("double free: %p (%s)", p, what);
    }
    lmm_panic("%s of a freed block: %p (%s)", verb, p, what);
}
