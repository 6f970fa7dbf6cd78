/* SPDX-License-Identifier: MIT */
#include "lib/heaps/magazine.h"

#include "lib/ground/meta.h"
#include "lib/ground/panic.h"
#include "lib/heaps/foreign.h"
#include "lib/pages/limit.h"

#include <errno.h>

struct lmm_magazines lmm_no_magazines;

static bool has_magazines(const struct lmm_heap *heap)
{
    return heap->open.magazines != &lmm_no_magazines;
}

/* ---- Beginning ------------------------------------------------------------------------------- */

static void open_magazine(struct lmm_magazines *all, uint32_t family)
{
    size_t most = LMM_MAGAZINE_BYTES / lmm_families_at(family)->stride;
    struct lmm_kept_slot *first =
        &all->slot[(family - LMM_MAGAZINE_FIRST) * (size_t) LMM_MAGAZINE_SLOTS];

    most = most < LMM_MAGAZINE_SLOTS ? most : LMM_MAGAZINE_SLOTS;
    all->magazine[family] = (struct lmm_magazine) {first, first, first + most, 0};
}

/* The slots stay untouched until they are used. */
static struct lmm_magazines *new_magazines(void)
{
    enum { SLOTS = (LMM_MAGAZINE_END - LMM_MAGAZINE_FIRST) * LMM_MAGAZINE_SLOTS };
    struct lmm_magazines *all = lmm_meta_zalloc(sizeof(*all));

    if (all == NULL) {
        return NULL;
    }
    all->slot = lmm_meta_alloc(&lmm_arena_records, SLOTS * sizeof(*all->slot));
    if (all->slot == NULL) {
        lmm_meta_free(&lmm_arena_records, all, sizeof(*all));
        return NULL;
    }
    return all;
}

void lmm_magazines_create(struct lmm_open *open)
{
    struct lmm_heap *heap = open->heap;
    int saved_errno = errno;

    if (heap->is_shared || has_magazines(heap) || lmm_families_count() < LMM_MAGAZINE_END) {
        return;
    }
    struct lmm_magazines *all = new_magazines();
    errno = saved_errno;
    if (all == NULL) {
        return;
    }
    all->mark = lmm_foreign_mark(heap);
    for (uint32_t family = LMM_MAGAZINE_FIRST; family < LMM_MAGAZINE_END; family++) {
        open_magazine(all, family);
    }
    heap->open.magazines = open->magazines = all;
}

/* ---- Emptying -------------------------------------------------------------------------------- */

void lmm_magazine_panic(const void *block)
{
    const struct lmm_page *page = lmm_page_of((uintptr_t) block);

    lmm_panic("double free: by two threads at once (%s)", lmm_families_at(page->family)->name);
}

static void give_back(struct lmm_heap *heap, const struct lmm_kept_slot *kept)
{
    struct lmm_page *page = lmm_page_of((uintptr_t) kept->block);
    uint32_t slot = (uint32_t) (kept->tag - page->tags);

    if (LMM_UNLIKELY(lmm_load_relaxed(kept->tag) != heap->open.magazines->mark)) {
        lmm_magazine_panic(kept->block);
    }
    if (lmm_load_relaxed(&page->owner) == heap) {
        lmm_heap_list_own(heap, page, slot, lmm_load_relaxed(&page->family));
    } else {
        lmm_foreign_push_marked(heap, page, slot);
    }
}

static void flush(struct lmm_heap *heap, struct lmm_magazine *magazine)
{
    while (magazine->top != magazine->first) {
        struct lmm_kept_slot kept = *--magazine->top;
        give_back(heap, &kept);
    }
}

void lmm_magazines_flush(struct lmm_heap *heap)
{
    size_t count = 0;

    LMM_CHECK(lmm_magazines_are_valid(heap, &count));
    for (uint32_t family = LMM_MAGAZINE_FIRST; has_magazines(heap) && family < LMM_MAGAZINE_END;
         family++) {
        flush(heap, &heap->open.magazines->magazine[family]);
    }
    (void) count;
}

/* How many blocks of the family the heap has allocated and freed. The number of slots in the magazine
 * does not tell whether it is used: it is often the same as before. */
static uint64_t calls_of(const struct lmm_heap *heap, uint32_t family)
{
    const struct lmm_ledger_row *rows = heap->open.rows;

    return rows == NULL ? 0 : rows[family].allocated_blocks + rows[family].freed_blocks;
}

void lmm_magazines_look(struct lmm_heap *heap)
{
    struct lmm_magazines *all = heap->open.magazines;

    if (!has_magazines(heap)) {
        return;
    }
    bool goes_on = all->hand >= LMM_MAGAZINE_FIRST && all->hand + 1 < LMM_MAGAZINE_END;
    all->hand = goes_on ? all->hand + 1 : (uint32_t) LMM_MAGAZINE_FIRST;
    struct lmm_magazine *magazine = &all->magazine[all->hand];
    bool is_limited = lmm_limit_is_set(lmm_families_at(all->hand));
    uint64_t calls = calls_of(heap, all->hand);
    if (calls == magazine->seen_calls || is_limited) {
        flush(heap, magazine);
    }
    if (is_limited) {
        magazine->end = magazine->first;
    }
    magazine->seen_calls = calls;
}

void lmm_magazines_forget(struct lmm_heap *heap)
{
    for (uint32_t family = LMM_MAGAZINE_FIRST; has_magazines(heap) && family < LMM_MAGAZINE_END;
         family++) {
        struct lmm_magazine *magazine = &heap->open.magazines->magazine[family];
        magazine->top = magazine->first;
    }
}

/* ---- Validity -------------------------------------------------------------------------------- */

static bool slot_is_valid(const struct lmm_heap *heap, uint32_t family,
                          const struct lmm_kept_slot *kept)
{
    struct lmm_location at;

    return lmm_page_locate(kept->block, &at) && at.page->kind == LMM_PAGE_SLOTS &&
           at.page->family == family && at.inside_bytes == 0 &&
           kept->tag == &at.page->tags[at.slot] &&
           lmm_load_relaxed(kept->tag) == lmm_foreign_mark(heap);
}

static bool magazine_is_valid(const struct lmm_heap *heap, uint32_t family)
{
    const struct lmm_magazine *magazine = &heap->open.magazines->magazine[family];

    if (magazine->first > magazine->top || magazine->top > magazine->end ||
        magazine->end > magazine->first + LMM_MAGAZINE_SLOTS) {
        return false;
    }
    for (const struct lmm_kept_slot *kept = magazine->first; kept != magazine->top; kept++) {
        if (!slot_is_valid(heap, family, kept)) {
            return false;
        }
        for (const struct lmm_kept_slot *other = magazine->first; other != kept; other++) {
            if (other->tag == kept->tag) {
                return false;
            }
        }
    }
    return true;
}

bool lmm_magazines_are_valid(const struct lmm_heap *heap, size_t *count)
{
    for (uint32_t family = LMM_MAGAZINE_FIRST; has_magazines(heap) && family < LMM_MAGAZINE_END;
         family++) {
        const struct lmm_magazine *magazine = &heap->open.magazines->magazine[family];
        if (!magazine_is_valid(heap, family)) {
            return false;
        }
        *count += (size_t) (magazine->top - magazine->first);
    }
    return true;
}
