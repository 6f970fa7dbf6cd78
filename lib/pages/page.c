/* SPDX-License-Identifier: MIT */
#include "lib/pages/page.h"

#include "lib/ground/meta.h"
#include "lib/ground/vm.h"

#include <errno.h>

enum {
    THREAD_BYTES_MIN = LMM_SYSTEM_PAGE_BYTES, /* threaded at once; doubles with what is in use */
    THREAD_BYTES_MAX = 4 * LMM_SYSTEM_PAGE_BYTES,
};

struct lmm_page lmm_page_window[LMM_WINDOW_UNITS];
uintptr_t lmm_page_window_base;

/* Entries of a table that were ever used: [low, high). Both are atomic, written under the lock. */
struct range {
    size_t low;
    size_t high;
};

static struct {
    struct lmm_lock lock;
    struct range near; /* of the window */
    struct range far;  /* of the root */
} table = {
    .lock = LMM_LOCK_INIT(LMM_RANK_TABLE),
    .near = {.low = SIZE_MAX},
    .far = {.low = SIZE_MAX},
};

/* Apart, because they start as zero and so take no room in the library's file. */
static struct lmm_page_facts window_facts[LMM_WINDOW_UNITS];
static struct lmm_leaf *root[LMM_ROOT_ENTRIES];

/* ---- The table ------------------------------------------------------------------------------- */

static struct lmm_page *far_unit(uintptr_t address)
{
    size_t i = address >> (LMM_UNIT_SHIFT + LMM_LEAF_SHIFT);
    struct lmm_leaf *leaf = i < LMM_ROOT_ENTRIES ? lmm_load_acquire(&root[i]) : NULL;

    return leaf == NULL ? NULL : &leaf->page[(address >> LMM_UNIT_SHIFT) & (LMM_LEAF_UNITS - 1)];
}

struct lmm_page *lmm_page_unit(uintptr_t address)
{
    struct lmm_page *page = lmm_page_near(address);

    return page != NULL ? page : far_unit(address);
}

struct lmm_page *lmm_page_of(uintptr_t address)
{
    struct lmm_page *page = lmm_page_unit(address);

    if (page != NULL && lmm_load_acquire(&page->kind) == LMM_PAGE_FOLLOW) {
        page = lmm_page_unit((uintptr_t) page->unit << LMM_UNIT_SHIFT);
    }
    return page;
}

static void widen(struct range *range, size_t first, size_t last)
{
    if (first < range->low) {
        lmm_store_release(&range->low, first);
    }
    if (last >= range->high) {
        lmm_store_release(&range->high, last + 1);
    }
}

static bool add_leaf_locked(size_t i)
{
    if (root[i] != NULL) {
        return true;
    }
    struct lmm_leaf *leaf = lmm_vm_map(sizeof(*leaf));
    if (leaf != NULL) {
        lmm_store_release(&root[i], leaf);
        widen(&table.far, i, i);
    }
    return leaf != NULL;
}

/* The window lies around the first page there is. */
static void place_window_locked(uintptr_t base)
{
    uintptr_t below = (uintptr_t) (LMM_WINDOW_UNITS - LMM_WINDOW_ABOVE) << LMM_UNIT_SHIFT;

    if (lmm_page_window_base == 0) {
        lmm_store_release(&lmm_page_window_base, base > below ? base - below : LMM_UNIT_BYTES);
    }
}

static bool reserve_unit_locked(uintptr_t address)
{
    struct lmm_page *page = lmm_page_near(address);

    if (page == NULL) {
        return add_leaf_locked(address >> (LMM_UNIT_SHIFT + LMM_LEAF_SHIFT));
    }
    widen(&table.near, (size_t) (page - lmm_page_window), (size_t) (page - lmm_page_window));
    return true;
}

bool lmm_page_reserve(const char *base, size_t units)
{
    uintptr_t address = (uintptr_t) base;
    bool done = (address + units * LMM_UNIT_BYTES - 1) >> LMM_ADDRESS_BITS == 0;

    lmm_lock_acquire(&table.lock);
    place_window_locked(address);
    for (size_t i = 0; i < units && done; i++) {
        done = reserve_unit_locked(address + i * LMM_UNIT_BYTES);
    }
    lmm_lock_release(&table.lock);
    if (!done) {
        errno = ENOMEM;
    }
    return done;
}

/* Of any unit that has a descriptor. */
static struct lmm_page_facts *unit_facts(size_t unit)
{
    const struct lmm_page *near = lmm_page_near((uintptr_t) unit << LMM_UNIT_SHIFT);

    if (near != NULL) {
        return &window_facts[near - lmm_page_window];
    }
    return &root[unit >> LMM_LEAF_SHIFT]->facts[unit & (LMM_LEAF_UNITS - 1)];
}

struct lmm_page_facts *lmm_page_facts(const struct lmm_page *page)
{
    return unit_facts(page->unit);
}

static bool is_page(const struct lmm_page *page)
{
    uint8_t kind = lmm_load_acquire(&page->kind);

    return kind == LMM_PAGE_SLOTS || kind == LMM_PAGE_RUNS || kind == LMM_PAGE_SPAN;
}

/* Calls visit for the pages among `count` descriptors. */
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
    size_t low = lmm_load_acquire(&table.near.low);
    size_t high = lmm_load_acquire(&table.near.high);
    size_t far_high = lmm_load_acquire(&table.far.high);
    /* Leaves below the window, the window, and leaves above it: in order of address. A leaf that the
     * window cuts holds pages on one side of it only. */
    size_t cut = lmm_page_window_base >> (LMM_UNIT_SHIFT + LMM_LEAF_SHIFT);
    size_t middle = far_high < cut + 1 ? far_high : cut + 1;
    int result = visit_leaves(lmm_load_acquire(&table.far.low), middle, visit, arg);

    if (result == 0 && low < high) {
        result = visit_pages(&lmm_page_window[low], high - low, visit, arg);
    }
    return result != 0 ? result : visit_leaves(middle, far_high, visit, arg);
}

void lmm_page_before_fork(void)
{
    lmm_lock_acquire_for_fork(&table.lock);
}

void lmm_page_after_fork(void)
{
    lmm_lock_release_for_fork(&table.lock);
}

/* ---- System pages ---------------------------------------------------------------------------- */

/* The word of the absent bits that holds system page i. */
static uint64_t *absent_word(struct lmm_page_facts *facts, size_t i)
{
    return facts->absent_long == NULL ? &facts->absent : &facts->absent_long[i / 64];
}

bool lmm_page_is_absent(const struct lmm_page *page, size_t i)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);

    if (page->kind == LMM_PAGE_SPAN) {
        return i >= lmm_load_relaxed(&facts->clean_from);
    }
    return (lmm_load_relaxed(absent_word(facts, i)) >> (i % 64) & 1) != 0;
}

static void set_absent(const struct lmm_page *page, size_t i, bool absent)
{
    uint64_t *word = absent_word(lmm_page_facts(page), i);
    uint64_t bit = (uint64_t) 1 << (i % 64);
    uint64_t old = lmm_load_relaxed(word);

    lmm_store_relaxed(word, absent ? old | bit : old & ~bit);
}

bool lmm_page_set_absent(struct lmm_page *page, bool all)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);

    facts->absent_long = NULL;
    if (facts->units > 1) {
        facts->absent_long = lmm_meta_alloc(&lmm_arena_records, facts->units * sizeof(uint64_t));
        if (facts->absent_long == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < facts->units; i++) {
        uint64_t left = all ? UINT64_MAX : lmm_load_relaxed(&unit_facts(page->unit + i)->absent);
        lmm_store_relaxed(absent_word(facts, i * LMM_UNIT_SYSTEM_PAGES), left);
    }
    return true;
}

/* The absent bits of a span's unit i. */
static uint64_t span_absent(const struct lmm_page_facts *facts, size_t i)
{
    size_t first = i * LMM_UNIT_SYSTEM_PAGES;
    size_t clean_from = facts->clean_from;

    if (clean_from <= first) {
        return UINT64_MAX;
    }
    return clean_from - first >= 64 ? 0 : UINT64_MAX << (clean_from - first);
}

void lmm_page_leave_absent(const struct lmm_page *page)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    bool is_span = page->kind == LMM_PAGE_SPAN;

    for (size_t i = 0; i < facts->units; i++) {
        uint64_t absent = is_span ? span_absent(facts, i)
                                  : lmm_load_relaxed(absent_word(facts, i * LMM_UNIT_SYSTEM_PAGES));
        lmm_store_relaxed(&unit_facts(page->unit + i)->absent, absent);
    }
}

uint32_t lmm_page_clean_from(const char *base, size_t units)
{
    size_t unit = (uintptr_t) base >> LMM_UNIT_SHIFT;

    for (size_t i = units; i-- > 0;) {
        uint64_t present = ~lmm_load_relaxed(&unit_facts(unit + i)->absent);
        if (present != 0) {
            return (uint32_t) (i * LMM_UNIT_SYSTEM_PAGES + 64 - (size_t) __builtin_clzll(present));
        }
    }
    return 0;
}

size_t lmm_page_commit(struct lmm_page *page, size_t first, size_t last)
{
    size_t bytes = 0;

    for (size_t i = first / LMM_SYSTEM_PAGE_BYTES; i <= last / LMM_SYSTEM_PAGE_BYTES; i++) {
        if (lmm_page_is_absent(page, i)) {
            set_absent(page, i, false);
            bytes += LMM_SYSTEM_PAGE_BYTES;
        }
    }
    return bytes;
}

/* The end of the stretch of present system pages that starts at first. */
static size_t stretch_end(const struct lmm_page *page, size_t first, size_t end)
{
    while (first < end && !lmm_page_is_absent(page, first)) {
        first++;
    }
    return first;
}

size_t lmm_page_discard(struct lmm_page *page, size_t first, size_t end)
{
    size_t bytes = 0;

    for (size_t at = first; at < end; at++) {
        size_t stretch = stretch_end(page, at, end);
        size_t stretch_bytes = (stretch - at) * LMM_SYSTEM_PAGE_BYTES;
        bool done = stretch_bytes != 0 &&
                    lmm_vm_discard(lmm_page_base(page) + at * LMM_SYSTEM_PAGE_BYTES, stretch_bytes);
        for (; at < stretch; at++) {
            set_absent(page, at, done);
        }
        bytes += done ? stretch_bytes : 0;
    }
    return bytes;
}

size_t lmm_page_committed_bytes(const struct lmm_page *page)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);

    if (page->kind == LMM_PAGE_SPAN) {
        return lmm_load_relaxed(&facts->clean_from) * (size_t) LMM_SYSTEM_PAGE_BYTES;
    }
    size_t absent = 0;
    for (size_t i = 0; i < facts->units; i++) {
        uint64_t *word = absent_word(facts, i * LMM_UNIT_SYSTEM_PAGES);
        absent += (size_t) __builtin_popcountll(lmm_load_relaxed(word));
    }
    return (size_t) facts->units * LMM_UNIT_BYTES - absent * LMM_SYSTEM_PAGE_BYTES;
}

/* ---- Slot pages ------------------------------------------------------------------------------ */

static size_t tag_bytes(uint32_t slots, uint32_t stride)
{
    return lmm_page_tag_count(slots, stride, 1) * sizeof(uint32_t);
}

struct lmm_page *lmm_page_create_slots(char *base, uint16_t family, uint32_t stride,
                                       bool fresh_memory)
{
    uint32_t slots = LMM_UNIT_BYTES / stride;

    if (!lmm_page_reserve(base, 1)) {
        return NULL;
    }
    uint32_t *tags = lmm_meta_alloc(&lmm_arena_tags, tag_bytes(slots, stride));
    if (tags == NULL) {
        return NULL;
    }
    struct lmm_page *page = lmm_page_unit((uintptr_t) base);
    page->unit = (uint32_t) ((uintptr_t) base >> LMM_UNIT_SHIFT);
    struct lmm_page_facts *facts = lmm_page_facts(page);
    facts->units = 1;
    facts->unlisted = 0;
    lmm_page_set_absent(page, fresh_memory);
    page->tags = tags;
    page->slots = slots;
    page->stride = stride;
    lmm_store_relaxed(&page->family, family);
    page->fresh = 0;
    page->head = LMM_TAG_END;
    page->target = slots;
    lmm_store_relaxed(&page->countdown, 0);
    page->queued = 0;
    page->gone = 0;
    lmm_store_relaxed(&page->foreign, (uint64_t) LMM_TAG_END);
    glthread_init(&page->glue);
    page->multiplier = lmm_page_multiplier(stride);
    lmm_store_release(&page->kind, LMM_PAGE_SLOTS);
    return page;
}

void lmm_page_destroy_slots(struct lmm_page *page)
{
    LMM_CHECK(lmm_page_free_slots(page) == page->slots && !page->queued);
    page->multiplier = 0;
    lmm_store_relaxed(&page->owner, NULL);
    page->gone = 1;
    lmm_store_release(&page->kind, LMM_PAGE_NONE);
    uint32_t *tags = page->tags;
    lmm_store_release(&page->tags, NULL);
    lmm_meta_free(&lmm_arena_tags, tags, tag_bytes(page->slots, page->stride));
}

uint32_t lmm_page_listed(const struct lmm_page *page)
{
    uint32_t fresh = page->slots - page->fresh;

    return lmm_page_free_slots(page) - fresh - lmm_page_facts(page)->unlisted;
}

/* Threads [first, end) in order of address, and marks their system pages touched. */
static void thread_range(struct lmm_page *page, uint32_t first, uint32_t end)
{
    for (uint32_t slot = first; slot + 1 < end; slot++) {
        lmm_store_relaxed(&page->tags[slot], slot + 1);
    }
    lmm_store_relaxed(&page->tags[end - 1], (uint32_t) LMM_TAG_END);
    lmm_page_commit(page, (size_t) first * page->stride, (size_t) end * page->stride - 1);
}

static uint32_t thread_fresh(struct lmm_page *page, uint32_t *ret_count)
{
    uint32_t first = page->fresh;
    size_t used = (size_t) first * page->stride;
    size_t grow = used < THREAD_BYTES_MIN   ? THREAD_BYTES_MIN
                  : used > THREAD_BYTES_MAX ? THREAD_BYTES_MAX
                                            : used;
    uint32_t end = (uint32_t) (lmm_round_up(used + grow, LMM_SYSTEM_PAGE_BYTES) / page->stride);

    end = end > page->slots ? page->slots : end <= first ? first + 1 : end;
    thread_range(page, first, end);
    page->fresh = end;
    *ret_count = end - first;
    return first;
}

bool lmm_page_is_present(const struct lmm_page *page, size_t slot)
{
    size_t first = slot * page->stride / LMM_SYSTEM_PAGE_BYTES;
    size_t last = ((slot + 1) * page->stride - 1) / LMM_SYSTEM_PAGE_BYTES;

    for (size_t i = first; i <= last; i++) {
        if (lmm_page_is_absent(page, i)) {
            return false;
        }
    }
    return true;
}

/* The slots that the first absent system page keeps off the list; there are some. */
static uint32_t thread_unlisted(struct lmm_page *page, uint32_t *ret_count)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    size_t system_page = (size_t) __builtin_ctzll(facts->absent);
    uint32_t slot = (uint32_t) (system_page * LMM_SYSTEM_PAGE_BYTES / page->stride);
    size_t last_byte = (size_t) (slot + 1) * page->stride - 1;
    uint32_t head = LMM_TAG_END;
    uint32_t count = 0;

    last_byte |= LMM_SYSTEM_PAGE_BYTES - 1;
    lmm_page_commit(page, (size_t) slot * page->stride, last_byte);
    uint32_t end = (uint32_t) (last_byte / page->stride) + 1;
    end = end < page->fresh ? end : page->fresh;
    for (uint32_t i = end; i-- > slot;) {
        if (lmm_load_relaxed(&page->tags[i]) == LMM_TAG_UNLISTED && lmm_page_is_present(page, i)) {
            lmm_store_relaxed(&page->tags[i], head);
            head = i;
            count++;
        }
    }
    facts->unlisted -= count;
    *ret_count = count;
    return head;
}

uint32_t lmm_page_thread(struct lmm_page *page, uint32_t *ret_count)
{
    LMM_CHECK(lmm_page_facts(page)->unlisted != 0 || page->fresh != page->slots);
    return lmm_page_facts(page)->unlisted != 0 ? thread_unlisted(page, ret_count)
                                               : thread_fresh(page, ret_count);
}

void lmm_page_start_afresh(struct lmm_page *page)
{
    LMM_CHECK(lmm_page_facts(page)->absent_long == NULL);
    page->head = LMM_TAG_END;
    page->fresh = 0;
    lmm_page_facts(page)->unlisted = 0;
}

bool lmm_page_list_ends(const struct lmm_page *page, uint32_t slot)
{
    if (LMM_LIKELY(slot < LMM_TAG_SPECIAL)) {
        return false;
    }
    if (slot != LMM_TAG_END) {
        lmm_panic("double free: by two threads at once, in the page at %p",
                  (void *) lmm_page_base(page));
    }
    return true;
}

/* Takes the page's own list apart: its slots become unlisted, without being counted so. What other
 * threads freed and the page does not have yet keeps its tags, and so is told apart. */
static void unlist(struct lmm_page *page)
{
    uint32_t next;

    for (uint32_t slot = page->head; !lmm_page_list_ends(page, slot); slot = next) {
        next = lmm_load_relaxed(&page->tags[slot]);
        lmm_store_relaxed(&page->tags[slot], (uint32_t) LMM_TAG_UNLISTED);
    }
    page->head = LMM_TAG_END;
}

/* Lists every unlisted slot that is present, in order of address. Returns how many slots there are that
 * are not the page's: live, or not yet collected. */
static uint32_t relist(struct lmm_page *page)
{
    uint32_t others = 0;
    uint32_t unlisted = 0;

    for (uint32_t slot = page->fresh; slot-- > 0;) {
        if (lmm_load_relaxed(&page->tags[slot]) != LMM_TAG_UNLISTED) {
            others++;
        } else if (lmm_page_is_present(page, slot)) {
            lmm_store_relaxed(&page->tags[slot], page->head);
            page->head = slot;
        } else if (slot + 1 == page->fresh) {
            /* The mark comes down, so that no absent system page is shared across it. */
            page->fresh--;
        } else {
            unlisted++;
        }
    }
    lmm_page_facts(page)->unlisted = unlisted;
    return others;
}

uint32_t lmm_page_rebuild(struct lmm_page *page)
{
    for (uint32_t slot = 0; slot < page->fresh; slot++) {
        if (lmm_tag_state(lmm_load_relaxed(&page->tags[slot])) == LMM_TAG_FREE) {
            lmm_store_relaxed(&page->tags[slot], (uint32_t) LMM_TAG_UNLISTED);
        }
    }
    page->head = LMM_TAG_END;
    return page->slots - relist(page);
}

/* The system pages that slots which are not the page's lie on. */
static uint64_t used_system_pages(const struct lmm_page *page)
{
    uint64_t used = 0;

    for (uint32_t slot = 0; slot < page->fresh; slot++) {
        if (lmm_load_relaxed(&page->tags[slot]) != LMM_TAG_UNLISTED) {
            size_t first = (size_t) slot * page->stride / LMM_SYSTEM_PAGE_BYTES;
            size_t last = ((size_t) (slot + 1) * page->stride - 1) / LMM_SYSTEM_PAGE_BYTES;
            for (size_t i = first; i <= last; i++) {
                used |= (uint64_t) 1 << i;
            }
        }
    }
    return used;
}

size_t lmm_page_trim(struct lmm_page *page)
{
    size_t bytes = 0;

    unlist(page);
    uint64_t used = used_system_pages(page);
    for (size_t first = 0; first < LMM_UNIT_SYSTEM_PAGES; first++) {
        size_t end = first;
        while (end < LMM_UNIT_SYSTEM_PAGES && (used >> end & 1) == 0) {
            end++;
        }
        bytes += lmm_page_discard(page, first, end);
        first = end;
    }
    relist(page);
    return bytes;
}

/* ---- Validity -------------------------------------------------------------------------------- */

/* Counts the list from head; UINT32_MAX when it holds a slot that must not be listed. */
static uint32_t count_list(const struct lmm_page *page, uint32_t head)
{
    uint32_t count = 0;

    while (head != LMM_TAG_END) {
        if (head >= page->fresh || !lmm_page_is_present(page, head) || count > page->slots) {
            return UINT32_MAX;
        }
        uint32_t tag = lmm_load_relaxed(&page->tags[head]);
        if (lmm_tag_state(tag) != LMM_TAG_FREE || tag == LMM_TAG_UNLISTED) {
            return UINT32_MAX;
        }
        head = tag;
        count++;
    }
    return count;
}

bool lmm_page_is_valid(const struct lmm_page *page, uint32_t private_head)
{
    uint32_t unlisted = 0;

    for (uint32_t slot = 0; slot < page->fresh; slot++) {
        uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
        uint32_t state = lmm_tag_state(tag);
        if (state == LMM_TAG_LIVE ? !lmm_page_is_present(page, slot) : state != LMM_TAG_FREE) {
            return false;
        }
        unlisted += tag == LMM_TAG_UNLISTED;
    }
    return unlisted == lmm_page_facts(page)->unlisted &&
           count_list(page, page->head) == lmm_page_listed(page) &&
           count_list(page, private_head) != UINT32_MAX;
}
