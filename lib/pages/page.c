/* SPDX-License-Identifier: MIT */
#include "lib/pages/page.h"

#include "lib/ground/vm.h"

#include <errno.h>

struct lmm_page lmm_page_window[LMM_WINDOW_UNITS];
uintptr_t lmm_page_window_base;

/* Entries of a table that were ever used: [low, high). Both are atomic, written under the lock. */
struct range {
    size_t low;
    size_t high;
};

struct lmm_lock lmm_page_table_lock = LMM_LOCK_INIT(LMM_RANK_TABLE);

static struct range near = {.low = SIZE_MAX}; /* of the window */
static struct range far = {.low = SIZE_MAX};  /* of the root */

static struct lmm_page_facts window_facts[LMM_WINDOW_UNITS];
static struct lmm_leaf *root[LMM_ROOT_ENTRIES];

struct lmm_page *lmm_page_unit(uintptr_t address)
{
    struct lmm_page *page = lmm_page_near(address);
    size_t i = address >> (LMM_UNIT_SHIFT + LMM_LEAF_SHIFT);

    if (page != NULL || i >= LMM_ROOT_ENTRIES) {
        return page;
    }
    struct lmm_leaf *leaf = lmm_load_acquire(&root[i]);
    return leaf == NULL ? NULL : &leaf->page[(address >> LMM_UNIT_SHIFT) & (LMM_LEAF_UNITS - 1)];
}

struct lmm_page *lmm_page_of(uintptr_t address)
{
    struct lmm_page *page = lmm_page_unit(address);

    if (page != NULL && lmm_load_acquire(&page->kind) == LMM_PAGE_FOLLOW) {
        page = lmm_page_unit((uintptr_t) page->unit << LMM_UNIT_SHIFT);
    }
    return page;
}

static bool is_page(const struct lmm_page *page)
{
    uint8_t kind = lmm_load_acquire(&page->kind);

    return kind != LMM_PAGE_NONE && kind != LMM_PAGE_FOLLOW;
}

bool lmm_page_locate(const void *p, struct lmm_location *ret_location)
{
    struct lmm_page *page = lmm_page_of((uintptr_t) p);

    *ret_location = (struct lmm_location) {.page = page};
    if (page == NULL || !is_page(page)) {
        return false;
    }
    size_t offset = (uintptr_t) p - (uintptr_t) lmm_page_base(page);
    ret_location->slot = offset / page->stride;
    ret_location->inside_bytes = offset % page->stride;
    return ret_location->slot < page->slots;
}

static void widen(struct range *range, size_t i)
{
    if (i < range->low) {
        lmm_store_release(&range->low, i);
    }
    if (i >= range->high) {
        lmm_store_release(&range->high, i + 1);
    }
}

static bool reserve_unit_locked(uintptr_t address)
{
    struct lmm_page *page = lmm_page_near(address);
    size_t i = address >> (LMM_UNIT_SHIFT + LMM_LEAF_SHIFT);

    if (page != NULL) {
        widen(&near, (size_t) (page - lmm_page_window));
        return true;
    }
    if (root[i] == NULL) {
        struct lmm_leaf *leaf = lmm_vm_map(sizeof(*leaf));
        if (leaf == NULL) {
            return false;
        }
        lmm_store_release(&root[i], leaf);
        widen(&far, i);
    }
    return true;
}

bool lmm_page_reserve(const char *base, size_t units)
{
    uintptr_t address = (uintptr_t) base;
    uintptr_t below = (uintptr_t) (LMM_WINDOW_UNITS - LMM_WINDOW_ABOVE) << LMM_UNIT_SHIFT;
    bool done = (address + units * LMM_UNIT_BYTES - 1) >> LMM_ADDRESS_BITS == 0;

    lmm_lock_acquire(&lmm_page_table_lock);
    if (lmm_page_window_base == 0) {
        lmm_store_release(&lmm_page_window_base,
                          address > below ? address - below : LMM_UNIT_BYTES);
    }
    for (size_t i = 0; i < units && done; i++) {
        done = reserve_unit_locked(address + i * LMM_UNIT_BYTES);
    }
    lmm_lock_release(&lmm_page_table_lock);
    if (!done) {
        errno = ENOMEM;
    }
    return done;
}

struct lmm_page_facts *lmm_page_unit_facts(size_t unit)
{
    const struct lmm_page *page = lmm_page_near((uintptr_t) unit << LMM_UNIT_SHIFT);

    if (page != NULL) {
        return &window_facts[page - lmm_page_window];
    }
    return &root[unit >> LMM_LEAF_SHIFT]->facts[unit & (LMM_LEAF_UNITS - 1)];
}

static int visit_pages(struct lmm_page *page, size_t count,
                       int (*visit)(struct lmm_page *page, void *arg), void *arg)
{
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++) {
        result = is_page(&page[i]) ? visit(&page[i], arg) : 0;
    }
    return result;
}

static int visit_leaves(size_t first, size_t end, int (*visit)(struct lmm_page *page, void *arg),
                        void *arg)
{
    int result = 0;

    for (size_t i = first; i < end && result == 0; i++) {
        struct lmm_leaf *leaf = lmm_load_acquire(&root[i]);
        result = leaf == NULL ? 0 : visit_pages(leaf->page, LMM_LEAF_UNITS, visit, arg);
    }
    return result;
}

int lmm_page_for_each(int (*visit)(struct lmm_page *page, void *arg), void *arg)
{
    size_t low = lmm_load_acquire(&near.low);
    size_t high = lmm_load_acquire(&near.high);
    size_t far_high = lmm_load_acquire(&far.high);
    /* In address order: leaves below the window, the window, leaves above it. A leaf that the
     * window overlaps has pages on one side of the window only. */
    size_t cut = lmm_page_window_base >> (LMM_UNIT_SHIFT + LMM_LEAF_SHIFT);
    size_t middle = far_high < cut + 1 ? far_high : cut + 1;
    int result = visit_leaves(lmm_load_acquire(&far.low), middle, visit, arg);

    if (result == 0 && low < high) {
        result = visit_pages(&lmm_page_window[low], high - low, visit, arg);
    }
    return result != 0 ? result : visit_leaves(middle, far_high, visit, arg);
}
