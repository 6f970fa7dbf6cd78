/* SPDX-License-Identifier: MIT */
/* heap_valid: checks the invariants of heap.h. */
#include "lib/heaps/heap.h"

#include "lib/heaps/magazine.h"
#include "lib/pages/slots.h"

/* The marks in [first, end) that are in slot pages. */
struct mark_count {
    uint32_t first;
    uint32_t end;
    size_t count;
};

static int count_marks(struct lmm_page *page, void *arg)
{
    struct mark_count *marks = arg;

    for (uint32_t slot = 0; page->kind == LMM_PAGE_SLOTS && slot < page->fresh; slot++) {
        uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
        marks->count += tag >= marks->first && tag < marks->end;
    }
    return 0;
}

static size_t marks_in_pages(uint32_t first, uint32_t end)
{
    struct mark_count marks = {.first = first, .end = end};

    lmm_page_for_each(count_marks, &marks);
    return marks.count;
}

/* Whether the batch's slots hold the heap's mark, or, in the drop-in, are LIVE, each of them once. Adds
 * those with a mark to *marked. */
static bool batch_is_valid(const struct lmm_heap *heap, const struct lmm_batch *batch,
                           size_t *marked)
{
    const struct lmm_page *page = batch->page;

    if (page->kind != LMM_PAGE_SLOTS || page->owner == heap || batch->count == 0 ||
        batch->count >= batch->limit || batch->limit > LMM_BATCH_SLOTS ||
        batch != &heap->batch[lmm_batch_index(page)]) {
        return false;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t tag = lmm_load_relaxed(&page->tags[batch->slot[i]]);
        bool is_live = LMM_DROP_IN && lmm_tag_state(tag) == LMM_TAG_LIVE;
        if (!is_live && tag != lmm_foreign_mark(heap)) {
            return false;
        }
        *marked += !is_live;
        for (uint32_t j = 0; j < i; j++) {
            if (batch->slot[j] == batch->slot[i]) {
                return false;
            }
        }
    }
    return true;
}

/* Adds the marked slots in the heap's batches to *marked. */
static bool batches_are_valid(const struct lmm_heap *heap, size_t *marked)
{
    for (uint32_t i = 0; i < LMM_BATCHES; i++) {
        if (heap->batch[i].page != NULL && !batch_is_valid(heap, &heap->batch[i], marked)) {
            return false;
        }
    }
    return true;
}

/* Whether each FREE slot of the page is accounted for: listed, unlisted, fresh, or marked. */
static bool page_is_accounted(const struct lmm_page *page, uint32_t private_head)
{
    size_t listed = lmm_slots_listed(page) + (size_t) (page->foreign >> 32);
    size_t found = 0;

    for (uint32_t slot = private_head; slot != LMM_TAG_END; slot = page->tags[slot]) {
        listed++;
    }
    for (uint32_t slot = 0; slot < page->fresh; slot++) {
        uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
        bool is_marked = tag >= LMM_TAG_FOREIGN && tag < LMM_TAG_FOREIGN_END;
        found += lmm_tag_state(tag) == LMM_TAG_FREE && tag != LMM_TAG_UNLISTED && !is_marked;
    }
    return found == listed;
}

/* Adds the bin's pages whose foreign list is not empty to *foreign. */
static bool bin_is_valid(const struct lmm_bin *bin, size_t *foreign)
{
    const struct lmm_family_pages *family_pages = bin->family_pages;

    if (family_pages == NULL) {
        return bin->page == NULL;
    }
    if (!lmm_family_pages_are_valid(family_pages, bin->page, bin->head)) {
        return false;
    }
    for (struct lmm_page *page = lmm_page_next(&family_pages->pages, NULL); page != NULL;
         page = lmm_page_next(&family_pages->pages, page)) {
        if (!page_is_accounted(page, page == bin->page ? bin->head : (uint32_t) LMM_TAG_END)) {
            return false;
        }
        *foreign += page->foreign >> 32 != 0;
    }
    return true;
}

/* I3: exactly the `foreign` pages of the heap whose foreign list is not empty are reported. */
static bool reports_are_valid(const struct lmm_heap *heap, size_t foreign)
{
    const struct lmm_page *page = heap->reported;

    for (; page != NULL && foreign != 0; foreign--) {
        if (page->owner != heap || page->foreign >> 32 == 0) {
            return false;
        }
        page = page->reported;
    }
    return page == NULL && foreign == 0;
}

/* Whether the directory has the page, and open.rows, if it is the first. */
static bool is_page_listed(const struct lmm_heap *heap, const struct lmm_row_page *page)
{
    uint32_t site = page->first_site;

    return site >> LMM_ROWS_SHIFT < heap->directory_capacity &&
           heap->open.directory[site >> LMM_ROWS_SHIFT] + site * sizeof(struct lmm_ledger_row) ==
               (uintptr_t) page->record->row &&
           (site != 0 || heap->open.rows == page->record->row);
}

/* I4. */
static bool tables_are_valid(const struct lmm_heap *heap)
{
    const struct lmm_open *open = &heap->open;
    bool is_valid = open->site_limit <= heap->directory_capacity << LMM_ROWS_SHIFT &&
                    open->first_limit == lmm_open_first_limit(open) &&
                    open->small_limit <= open->first_limit &&
                    *open->limit_in_parent <= open->first_limit;
    bool has_first = false;

    for (uint32_t site = 0; is_valid && site < open->site_limit; site++) {
        is_valid = lmm_accounts_site_facts(site).family < heap->bin_capacity;
    }
    for (const struct lmm_row_page *page = heap->row_pages; is_valid && page != NULL;
         page = page->next) {
        has_first = has_first || page->first_site == 0;
        is_valid = is_page_listed(heap, page);
    }
    return is_valid && has_first == (open->rows != NULL);
}

/* All except that each mark in a tag belongs to a batch or a magazine. Adds the marked slots in these
 * to *marked. */
static bool parts_are_valid(const struct lmm_heap *heap, size_t *marked)
{
    size_t foreign = 0;

    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        if (!bin_is_valid(&heap->open.bins[i], &foreign)) {
            return false;
        }
    }
    return reports_are_valid(heap, foreign) && batches_are_valid(heap, marked) &&
           lmm_magazines_are_valid(heap, marked) && tables_are_valid(heap);
}

bool lmm_heap_is_valid(const struct lmm_heap *heap)
{
    uint32_t mark = lmm_foreign_mark(heap);
    size_t marked = 0;

    return parts_are_valid(heap, &marked) && marks_in_pages(mark, mark + 1) == marked;
}

bool lmm_heaps_are_valid(const struct lmm_heap *first)
{
    size_t marked = 0;

    for (const struct lmm_heap *heap = first; heap != NULL; heap = heap->next) {
        if (!parts_are_valid(heap, &marked)) {
            return false;
        }
    }
    return marks_in_pages(LMM_TAG_FOREIGN, LMM_TAG_FOREIGN_END) == marked;
}
