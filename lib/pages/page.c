/* SPDX-License-Identifier: MIT */
#include "lib/pages/page.h"

#include "lib/ground/meta.h"
#include "lib/ground/vm.h"

#include <errno.h>

_Static_assert(LMM_WINDOW_ABOVE / 2 >= LMM_LEAF_UNITS, "a leaf fits between the table and the end");

enum {
    WINDOW_UNITS_MIN = LMM_WINDOW_ABOVE + 64,
    WINDOW_UNITS_CHARGED = 1 << 14, /* at most so many where the kernel charges for reservations */
};

struct leaf {
    struct lmm_page page[LMM_LEAF_UNITS];
    struct lmm_page_facts facts[LMM_LEAF_UNITS];
};

struct branch {
    struct leaf *leaf[LMM_BRANCH_LEAVES]; /* atomic, written under the lock */
};

/* Entries of a table that were ever used: [low, high). Both are atomic, written under the lock. */
struct range {
    size_t low;
    size_t high;
};

struct lmm_lock lmm_page_table_lock = LMM_LOCK_INIT(LMM_RANK_TABLE);

union lmm_near lmm_page_near_window;

static struct lmm_window window;

static struct lmm_page_facts *window_facts; /* in the order of the descriptors */
static bool has_tried_window;               /* under the lock */

static struct range near = {.low = SIZE_MAX}; /* of the window */
static struct range far = {.low = SIZE_MAX};  /* of the tree, by number of the leaf */

static struct branch *root[LMM_ROOT_ENTRIES]; /* atomic, written under the lock */

static size_t leaf_number(uintptr_t address)
{
    return address >> (LMM_UNIT_SHIFT + LMM_LEAF_SHIFT);
}

/* The leaf with that number; NULL when there is none. */
static struct leaf *leaf_at(size_t number)
{
    size_t i = number >> LMM_BRANCH_SHIFT;
    struct branch *branch = i < LMM_ROOT_ENTRIES ? lmm_load_acquire(&root[i]) : NULL;

    return branch == NULL ? NULL : lmm_load_acquire(&branch->leaf[number % LMM_BRANCH_LEAVES]);
}

struct lmm_page *lmm_page_unit(uintptr_t address)
{
    struct lmm_page *page = lmm_window_page(&window, address);

    if (page == NULL) {
        struct leaf *leaf = leaf_at(leaf_number(address));
        page = leaf == NULL ? NULL : &leaf->page[(address >> LMM_UNIT_SHIFT) % LMM_LEAF_UNITS];
    }
    return page;
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

/* The units that a window should have. */
static size_t window_units(void)
{
    size_t limit = lmm_vm_limit_bytes() / LMM_UNIT_BYTES;
    size_t most = lmm_vm_is_charged() ? WINDOW_UNITS_CHARGED : LMM_WINDOW_UNITS;

    return limit < most - WINDOW_UNITS_MIN ? limit + WINDOW_UNITS_MIN : most;
}

static void set_window(struct lmm_window *to, uintptr_t complement, size_t units)
{
    lmm_store_relaxed(&to->complement, complement);
    lmm_store_release(&to->units, units);
}

void lmm_page_open_window(void)
{
    set_window(&lmm_page_near_window.window, window.complement, window.units);
}

/* The descriptor of the window's last unit; NULL while there is no window. Beside its reservation, too. */
static struct lmm_page *last_of_window(void)
{
    return lmm_window_page(&window, ~lmm_load_relaxed(&window.complement));
}

/* Reserves a window, a smaller one where a larger one is refused. */
static void reserve_window_locked(void)
{
    size_t units = window_units();
    char *table = NULL;

    for (; table == NULL && units >= WINDOW_UNITS_MIN; units /= 2) {
        size_t bytes = units * (sizeof(struct lmm_page) + sizeof(struct lmm_page_facts));
        table = lmm_vm_map_aligned(lmm_vm_round_up(bytes), LMM_UNIT_BYTES);
        if (table != NULL) {
            struct lmm_page *last = (struct lmm_page *) (void *) table;
            window_facts = (struct lmm_page_facts *) (void *) (last + units);
            set_window(&window, -((uintptr_t) last + (uintptr_t) LMM_WINDOW_ABOVE * LMM_UNIT_BYTES),
                       units);
            lmm_vm_wipe_in_children(&lmm_page_near_window, sizeof(lmm_page_near_window));
            lmm_page_open_window();
        }
    }
    has_tried_window = true;
}

void lmm_page_window_memory(uintptr_t *ret_from, uintptr_t *ret_to)
{
    size_t units = lmm_load_acquire(&window.units);

    *ret_from = units == 0 ? 0 : (uintptr_t) last_of_window();
    *ret_to = *ret_from +
              lmm_vm_round_up(units * (sizeof(struct lmm_page) + sizeof(struct lmm_page_facts)));
}

static struct branch *reserve_branch_locked(size_t i)
{
    if (root[i] == NULL) {
        struct branch *branch = lmm_meta_zalloc(sizeof(*branch));
        lmm_store_release(&root[i], branch);
    }
    return root[i];
}

static bool reserve_leaf_locked(size_t number)
{
    struct branch *branch = reserve_branch_locked(number >> LMM_BRANCH_SHIFT);
    struct leaf **leaf = branch == NULL ? NULL : &branch->leaf[number % LMM_BRANCH_LEAVES];

    if (branch == NULL) {
        return false;
    }
    if (*leaf == NULL) {
        struct leaf *fresh = lmm_meta_map(sizeof(*fresh));
        if (fresh == NULL) {
            return false;
        }
        lmm_store_release(leaf, fresh);
        widen(&far, number);
    }
    return true;
}

static bool reserve_unit_locked(uintptr_t address)
{
    const struct lmm_page *page = lmm_window_page(&window, address);

    if (page != NULL) {
        widen(&near, (size_t) (page - last_of_window()));
        return true;
    }
    return reserve_leaf_locked(leaf_number(address));
}

bool lmm_page_reserve(const char *base, size_t units)
{
    uintptr_t address = (uintptr_t) base;
    bool done = (address + units * LMM_UNIT_BYTES - 1) >> LMM_ADDRESS_BITS == 0;

    lmm_lock_acquire(&lmm_page_table_lock);
    if (!has_tried_window) {
        reserve_window_locked();
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
    uintptr_t address = (uintptr_t) unit << LMM_UNIT_SHIFT;
    const struct lmm_page *page = lmm_window_page(&window, address);

    if (page != NULL) {
        return &window_facts[page - last_of_window()];
    }
    return &leaf_at(leaf_number(address))->facts[unit % LMM_LEAF_UNITS];
}

static int visit(struct lmm_page *page, int (*visitor)(struct lmm_page *page, void *arg), void *arg)
{
    return is_page(page) ? visitor(page, arg) : 0;
}

static int visit_leaves(size_t first, size_t end, int (*visitor)(struct lmm_page *page, void *arg),
                        void *arg)
{
    int result = 0;

    for (size_t number = first; number < end && result == 0; number++) {
        struct leaf *leaf = leaf_at(number);
        for (size_t i = 0; i < LMM_LEAF_UNITS && leaf != NULL && result == 0; i++) {
            result = visit(&leaf->page[i], visitor, arg);
        }
    }
    return result;
}

static int visit_window(int (*visitor)(struct lmm_page *page, void *arg), void *arg)
{
    size_t low = lmm_load_acquire(&near.low);
    int result = 0;

    for (size_t i = lmm_load_acquire(&near.high); i > low && result == 0; i--) {
        result = visit(last_of_window() + i - 1, visitor, arg);
    }
    return result;
}

/* In address order: leaves below the window, the window, leaves above it. The cut is at a leaf that
 * lies wholly in the window, so no page is in it. */
int lmm_page_for_each(int (*visitor)(struct lmm_page *page, void *arg), void *arg)
{
    size_t high = lmm_load_acquire(&far.high);
    size_t cut =
        leaf_number((uintptr_t) last_of_window() + (size_t) LMM_WINDOW_ABOVE / 2 * LMM_UNIT_BYTES);
    size_t middle = high < cut ? high : cut;
    int result = visit_leaves(lmm_load_acquire(&far.low), middle, visitor, arg);

    result = result != 0 ? result : visit_window(visitor, arg);
    return result != 0 ? result : visit_leaves(middle, high, visitor, arg);
}
