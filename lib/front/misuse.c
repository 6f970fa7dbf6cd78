/* SPDX-License-Identifier: MIT */
#include "lib/front/misuse.h"

#include "lib/books/accounts.h"
#include "lib/ground/panic.h"
#include "lib/pages/family.h"
#include "lib/pages/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ORIGIN_BYTES = 256 };

/* Says where a site allocates: at a line, or, for a call stack, at which offset of which module its
 * innermost call is. */
static void describe_origin(uint32_t id, char ret_text[ORIGIN_BYTES])
{
    struct lmm_site_facts site = lmm_accounts_site_facts(id);
    uint32_t stack = lmm_accounts_site_stack(id);

    if (site.line != 0) {
        snprintf(ret_text, ORIGIN_BYTES, "allocated at %s:%u", site.file, site.line);
        return;
    }
    const struct lmm_ledger_frame *frame = stack == 0 ? NULL : lmm_accounts_frame(stack);
    if (frame == NULL || frame->module == 0) {
        snprintf(ret_text, ORIGIN_BYTES, "unattributed");
        return;
    }
    const char *path = lmm_accounts_module_path(frame->module - 1);
    const char *slash = strrchr(path, '/');
    snprintf(ret_text, ORIGIN_BYTES, "allocated at %s+0x%" PRIx64, slash == NULL ? path : slash + 1,
             frame->address - 1 - lmm_accounts_module(frame->module - 1)->bias);
}

static _Noreturn void panic_interior(const void *p, const char *verb,
                                     const struct lmm_location *location, size_t first,
                                     uint32_t tag)
{
    const char *start = lmm_page_slot(location->page, first);
    const char *name = lmm_families_at(location->page->family)->name;
    size_t inside = (size_t) ((const char *) p - start);

    if (lmm_tag_state(tag) != LMM_TAG_LIVE) {
        lmm_panic("%s of an interior pointer: %p (%zu bytes into a free slot at %p, %s)", verb, p,
                  inside, (const void *) start, name);
    }
    char origin[ORIGIN_BYTES];
    describe_origin(lmm_tag_site(tag), origin);
    lmm_panic("%s of an interior pointer: %p (%zu bytes into a block at %p, %s, %s)", verb, p,
              inside, (const void *) start, name, origin);
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
    bool in_page = lmm_page_locate(p, &location);
    const struct lmm_page *page = location.page;
    uint32_t tag = LMM_TAG_FREE; /* of what is outside all slots */

    if (page == NULL || (page->kind == LMM_PAGE_NONE && !page->gone)) {
        lmm_panic("%s of a pointer that is no block: %p", verb, p);
    }
    const char *name = lmm_families_at(page->family)->name;
    if (page->kind == LMM_PAGE_NONE) {
        lmm_panic("%s after its page was given back: %p (%s)", verb, p, name);
    }
    size_t first = in_page ? first_slot(&location, &tag) : 0;
    bool was_allocated =
        in_page && (page->kind == LMM_PAGE_SLOTS ? location.slot < page->fresh
                                                 : lmm_memory_holds_slot(page, location.slot));
    if (!in_page || (lmm_tag_state(tag) != LMM_TAG_LIVE && !was_allocated)) {
        lmm_panic("%s of memory that is not allocated: %p (%s)", verb, p, name);
    }
    if (location.inside_bytes != 0 || first != location.slot) {
        panic_interior(p, verb, &location, first, tag);
    }
    if (strcmp(verb, "free") == 0) {
        lmm_panic("double free: %p (%s)", p, name);
    }
    lmm_panic("%s of a freed block: %p (%s)", verb, p, name);
}
