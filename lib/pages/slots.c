/* SPDX-License-Identifier: MIT */
#include "lib/pages/slots.h"

#include "lib/ground/meta.h"
#include "lib/pages/memory.h"

enum {
    THREAD_BYTES_MIN = LMM_SYSTEM_PAGE_BYTES, /* threaded at once; doubles with what is in use */
    THREAD_BYTES_MAX = 4 * LMM_SYSTEM_PAGE_BYTES,
};

struct lmm_page *lmm_slots_create(char *base, uint16_t family, uint32_t stride, bool is_fresh)
{
    LMM_CHECK(stride != 0 && stride <= LMM_SLOT_STRIDE_MAX);
    uint32_t slots = LMM_UNIT_BYTES / stride;

    if (!lmm_page_reserve(base, 1)) {
        return NULL;
    }
    uint32_t *tags = lmm_meta_alloc(&lmm_arena_tags, lmm_page_tag_bytes(slots, stride, 1));
    if (tags == NULL) {
        return NULL;
    }
    struct lmm_page *page = lmm_page_unit((uintptr_t) base);
    lmm_store_relaxed(&page->unit,
                      (uint32_t) ((uintptr_t) base >> LMM_UNIT_SHIFT)); /* as in span.c */
    struct lmm_page_facts *facts = lmm_page_facts(page);
    lmm_store_relaxed(&facts->units, 1u); /* as `unit` */
    facts->unlisted = 0;
    lmm_memory_begin(page, is_fresh);
    page->tags = tags;
    page->slots = slots;
    page->stride = stride;
    lmm_store_relaxed(&page->family, family);
    page->fresh = 0;
    page->head = LMM_TAG_END;
    page->head_site = LMM_SITE_NONE;
    lmm_store_relaxed(&page->target, slots);
    lmm_store_relaxed(&page->countdown, 0);
    page->queued = 0;
    page->gone = 0;
    lmm_store_relaxed(&page->foreign, (uint64_t) LMM_TAG_END);
    glthread_init(&page->glue);
    lmm_store_relaxed(&page->multiplier, lmm_page_multiplier(stride));
    lmm_store_release(&page->kind, LMM_PAGE_SLOTS);
    return page;
}

void lmm_slots_destroy(struct lmm_page *page)
{
    LMM_CHECK(lmm_slots_free_count(page) == page->slots && !page->queued);
    lmm_store_relaxed(&page->multiplier, (uint64_t) 0);
    lmm_store_relaxed(&page->owner, NULL);
    page->gone = 1;
    lmm_store_release(&page->kind, LMM_PAGE_NONE);
    uint32_t *tags = page->tags;
    lmm_store_release(&page->tags, NULL);
    lmm_meta_free(&lmm_arena_tags, tags, lmm_page_tag_bytes(page->slots, page->stride, 1));
}

uint32_t lmm_slots_listed(const struct lmm_page *page)
{
    uint32_t fresh = page->slots - page->fresh;

    return lmm_slots_free_count(page) - fresh - lmm_page_facts(page)->unlisted;
}

/* Marks the memory of fresh slots as touched, and has the kernel give it all at once: a page fault for each
 * of its pages takes longer. Where it gives none, the program's first store meets that. */
static void commit_fresh(struct lmm_page *page, uint32_t first, uint32_t end)
{
    char *base = lmm_page_base(page);
    size_t from = (size_t) first * page->stride;
    size_t to = (size_t) end * page->stride;

    if (lmm_memory_commit(page, from, to - 1) > lmm_vm_page_bytes()) {
        from = lmm_round_up(from, lmm_vm_page_bytes());
        lmm_vm_populate(base + from, lmm_vm_round_up(to) - from);
    }
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
    for (uint32_t slot = first; slot + 1 < end; slot++) {
        lmm_page_set_tag(page, slot, slot + 1);
    }
    lmm_page_set_tag(page, end - 1, LMM_TAG_END);
    commit_fresh(page, first, end);
    page->fresh = end;
    *ret_count = end - first;
    return first;
}

/* Threads the slots that the first absent system page keeps off the list; there is one at least. */
static uint32_t thread_unlisted(struct lmm_page *page, uint32_t *ret_count)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    size_t system_page = (size_t) __builtin_ctzll(facts->absent);
    uint32_t slot = (uint32_t) (system_page * LMM_SYSTEM_PAGE_BYTES / page->stride);
    size_t last_byte = (size_t) (slot + 1) * page->stride - 1;
    uint32_t head = LMM_TAG_END;
    uint32_t count = 0;

    last_byte |= lmm_vm_page_bytes() - 1;
    lmm_memory_commit(page, (size_t) slot * page->stride, last_byte);
    uint32_t end = (uint32_t) (last_byte / page->stride) + 1;
    end = end < page->fresh ? end : page->fresh;
    for (uint32_t i = end; i-- > slot;) {
        if (lmm_load_relaxed(&page->tags[i]) == LMM_TAG_UNLISTED &&
            lmm_memory_holds_slot(page, i)) {
            lmm_store_relaxed(&page->tags[i], head);
            head = i;
            count++;
        }
    }
    facts->unlisted -= count;
    *ret_count = count;
    return head;
}

uint32_t lmm_slots_thread(struct lmm_page *page, uint32_t *ret_count)
{
    LMM_CHECK(lmm_page_facts(page)->unlisted != 0 || page->fresh != page->slots);
    return lmm_page_facts(page)->unlisted != 0 ? thread_unlisted(page, ret_count)
                                               : thread_fresh(page, ret_count);
}

void lmm_slots_start_afresh(struct lmm_page *page)
{
    LMM_CHECK(lmm_page_facts(page)->absent_long == NULL);
    page->head = LMM_TAG_END;
    page->fresh = 0;
    lmm_page_facts(page)->unlisted = 0;
}

bool lmm_slots_list_ends(const struct lmm_page *page, uint32_t slot)
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

/* Makes the slots of the page's own list unlisted, without counting them. Slots that other threads
 * freed and that were not collected yet keep their tags, so relist() skips them. */
static void unlist(struct lmm_page *page)
{
    uint32_t next;

    for (uint32_t slot = page->head; !lmm_slots_list_ends(page, slot); slot = next) {
        next = lmm_load_relaxed(&page->tags[slot]);
        lmm_page_set_tag(page, slot, LMM_TAG_UNLISTED);
    }
    page->head = LMM_TAG_END;
}

/* Lists every unlisted slot on committed memory, in address order. Returns how many slots are not
 * free: live, or freed by other threads and not collected yet. */
static uint32_t relist(struct lmm_page *page)
{
    uint32_t others = 0;
    uint32_t unlisted = 0;

    page->head_site = LMM_SITE_NONE;
    for (uint32_t slot = page->fresh; slot-- > 0;) {
        if (lmm_load_relaxed(&page->tags[slot]) != LMM_TAG_UNLISTED) {
            others++;
        } else if (lmm_memory_holds_slot(page, slot)) {
            lmm_store_relaxed(&page->tags[slot], page->head);
            page->head = slot;
        } else if (slot + 1 == page->fresh) {
            /* So that slots on both sides of `fresh` never share an absent system page. */
            page->fresh--;
        } else {
            unlisted++;
        }
    }
    lmm_page_facts(page)->unlisted = unlisted;
    return others;
}

uint32_t lmm_slots_rebuild(struct lmm_page *page)
{
    for (uint32_t slot = 0; slot < page->fresh; slot++) {
        if (lmm_tag_state(lmm_load_relaxed(&page->tags[slot])) == LMM_TAG_FREE) {
            lmm_page_set_tag(page, slot, LMM_TAG_UNLISTED);
        }
    }
    page->head = LMM_TAG_END;
    return page->slots - relist(page);
}

/* Bit i: system page i holds a slot that is not free. */
static uint64_t used_system_pages(const struct lmm_page *page)
{
    uint64_t used = 0;

    for (uint32_t slot = 0; slot < page->fresh; slot++) {
        if (lmm_load_relaxed(&page->tags[slot]) != LMM_TAG_UNLISTED) {
            size_t first = (size_t) slot * page->stride / LMM_SYSTEM_PAGE_BYTES;
            size_t last = ((size_t) (slot + 1) * page->stride - 1) / LMM_SYSTEM_PAGE_BYTES;
            used |= UINT64_MAX << first & UINT64_MAX >> (LMM_UNIT_SYSTEM_PAGES - 1 - last);
        }
    }
    return used;
}

size_t lmm_slots_trim(struct lmm_page *page)
{
    size_t bytes = 0;

    unlist(page);
    uint64_t used = used_system_pages(page);
    for (size_t first = 0; first < LMM_UNIT_SYSTEM_PAGES; first++) {
        size_t end = first;
        while (end < LMM_UNIT_SYSTEM_PAGES && (used >> end & 1) == 0) {
            end++;
        }
        bytes += lmm_memory_discard(page, first, end);
        first = end;
    }
    relist(page);
    return bytes;
}

/* ---- Validity -------------------------------------------------------------------------------- */

/* Counts the list from head; UINT32_MAX when a wrong slot is on it. *ret_last: its last slot. */
static uint32_t count_list(const struct lmm_page *page, uint32_t head, uint32_t *ret_last)
{
    uint32_t count = 0;

    *ret_last = LMM_TAG_END;
    for (uint32_t slot = head; slot != LMM_TAG_END; count++) {
        if (slot >= page->fresh || !lmm_memory_holds_slot(page, slot) || count == page->slots) {
            return UINT32_MAX;
        }
        *ret_last = slot;
        slot = lmm_load_relaxed(&page->tags[slot]);
        if (lmm_tag_state(slot) != LMM_TAG_FREE || slot == LMM_TAG_UNLISTED) {
            return UINT32_MAX;
        }
    }
    return count;
}

/* Lists that share a slot also share their last slot, because each slot has one next slot. */
static bool are_apart(uint32_t last, uint32_t other_last)
{
    return last == LMM_TAG_END || last != other_last;
}

static bool lists_are_valid(const struct lmm_page *page, uint32_t private_head)
{
    uint64_t foreign = lmm_load_acquire(&page->foreign);
    uint32_t own_last;
    uint32_t private_last;
    uint32_t foreign_last;

    return count_list(page, page->head, &own_last) == lmm_slots_listed(page) &&
           count_list(page, private_head, &private_last) != UINT32_MAX &&
           count_list(page, (uint32_t) foreign, &foreign_last) == foreign >> 32 &&
           are_apart(own_last, private_last) && are_apart(own_last, foreign_last) &&
           are_apart(private_last, foreign_last);
}

/* Whether the list from head leads in a circle, or to a slot that is not free. *ret_last: its last slot. */
static bool is_broken(const struct lmm_page *page, uint32_t head, uint32_t *ret_last)
{
    uint32_t count = 0;

    *ret_last = LMM_TAG_END;
    for (uint32_t slot = head; slot != LMM_TAG_END && slot < page->slots; count++) {
        if (count == page->slots) {
            return true;
        }
        *ret_last = slot;
        slot = lmm_load_relaxed(&page->tags[slot]);
        if (lmm_tag_state(slot) != LMM_TAG_FREE) {
            return true;
        }
    }
    return false;
}

bool lmm_slots_were_freed_twice(const struct lmm_page *page, uint32_t private_head)
{
    uint32_t own_last;
    uint32_t private_last;
    uint32_t foreign_last;

    return is_broken(page, page->head, &own_last) || is_broken(page, private_head, &private_last) ||
           is_broken(page, (uint32_t) lmm_load_acquire(&page->foreign), &foreign_last) ||
           !are_apart(own_last, private_last) || !are_apart(own_last, foreign_last) ||
           !are_apart(private_last, foreign_last);
}

bool lmm_slots_are_valid(const struct lmm_page *page, uint32_t private_head)
{
    uint32_t unlisted = 0;

    for (uint32_t slot = 0; slot < page->slots; slot++) {
        uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
        bool is_live = lmm_tag_state(tag) == LMM_TAG_LIVE;
        if (is_live ? slot >= page->fresh || !lmm_memory_holds_slot(page, slot)
                    : lmm_tag_state(tag) != LMM_TAG_FREE) {
            return false;
        }
        unlisted += slot < page->fresh && tag == LMM_TAG_UNLISTED;
    }
    return unlisted == lmm_page_facts(page)->unlisted && lists_are_valid(page, private_head);
}
