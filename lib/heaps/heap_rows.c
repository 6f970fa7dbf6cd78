/* SPDX-License-Identifier: MIT */
/* heap_rows: a heap's rows of counters, and what it tells families of its live blocks. */
#include "lib/heaps/heap.h"

#include "lib/books/peak.h"
#include "lib/heaps/tracer.h"

enum { NOTED_PART = 64 };

/* Whether the drop-in tells the bytes of a family's blocks one by one (preload/stacked). */
static bool tells_bytes(const struct lmm_family *family)
{
    return LMM_DROP_IN && family->counts_bytes && !family->is_flexible;
}

/* Sets the directory's entries of the sites in the page; 0: they have none. */
static void set_directory(struct lmm_heap *heap, const struct lmm_row_page *page, uintptr_t rows)
{
    uint32_t first = page->first_site >> LMM_ROWS_SHIFT;
    uint32_t count = page->first_site == 0 ? LMM_ROWS_IN_FIRST >> LMM_ROWS_SHIFT : 1;

    for (uint32_t i = first; i < first + count; i++) {
        heap->open.directory[i] = rows;
    }
}

static void add_to_directory(struct lmm_heap *heap, const struct lmm_row_page *page)
{
    set_directory(heap, page,
                  (uintptr_t) page->record->row - page->first_site * sizeof(struct lmm_ledger_row));
}

void lmm_heap_fill_directory(struct lmm_heap *heap)
{
    for (const struct lmm_row_page *page = heap->row_pages; page != NULL; page = page->next) {
        add_to_directory(heap, page);
    }
}

/*
 * Adds what the rows of a page say to what the heap has noted (sign 1), or takes it off (-1). A heap
 * that gives a page up has added all that its rows say, so the heap that takes the page adds only
 * what changes. Where there is no bin, the family's live amount changes the other way, until there
 * is one.
 */
static void shift_noted(struct lmm_heap *heap, const struct lmm_row_page *page, int64_t sign)
{
    uint32_t end = page->first_site + page->record->rows;
    uint32_t sites = lmm_accounts_site_count();

    for (uint32_t site = page->first_site; site < end && site < sites; site++) {
        uint32_t index = lmm_accounts_site_family(site);
        if (index >= lmm_families_count()) {
            continue; /* the family is being registered, and has counted nothing */
        }
        const struct lmm_family *family = lmm_families_at(index);
        int64_t amount = sign * lmm_family_amount(family, lmm_row_of(page, site));
        if (amount == 0 || tells_bytes(family)) {
            continue;
        }
        if (family->index < heap->bin_capacity) {
            heap->open.bins[family->index].noted += amount;
        } else {
            lmm_family_add_live(lmm_families_at(family->index), -amount);
        }
    }
}

static bool take_page_locked(struct lmm_heap *heap, uint32_t site)
{
    struct lmm_row_page *page = lmm_rows_take(heap->number, site);

    if (page == NULL) {
        return false;
    }
    shift_noted(heap, page, 1);
    page->next = heap->row_pages;
    heap->row_pages = page;
    add_to_directory(heap, page);
    if (page->first_site == 0) {
        heap->open.rows = page->record->row;
        lmm_open_set_first_limit(&heap->open, lmm_open_first_limit(&heap->open));
    }
    return true;
}

struct lmm_ledger_row *lmm_heap_row(struct lmm_heap *heap, uint32_t site)
{
    struct lmm_ledger_row *row = lmm_open_row(&heap->open, site);

    if (row != NULL || (site >= heap->open.site_limit && !lmm_heap_open_sites(heap))) {
        return row;
    }
    lmm_lock_acquire(heap->lock);
    row = lmm_open_row(&heap->open, site);
    if (row == NULL && take_page_locked(heap, site)) {
        row = lmm_open_row(&heap->open, site);
    }
    lmm_lock_release(heap->lock);
    return row;
}

void lmm_heap_give_rows(struct lmm_heap *heap)
{
    lmm_lock_acquire(heap->lock);
    for (struct lmm_row_page *page = heap->row_pages; page != NULL; page = page->next) {
        shift_noted(heap, page, -1);
        set_directory(heap, page, 0);
    }
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_bin *bin = &heap->open.bins[i];
        if (bin->noted != 0) {
            struct lmm_family *family = lmm_families_at(i);
            lmm_family_add_live(family, tells_bytes(family) ? bin->noted : -bin->noted);
            bin->noted = 0;
        }
        bin->unnoted_slots = 0;
    }
    if (heap->tracer != NULL) {
        lmm_peak_add(heap->tracer->pending_bytes);
        heap->tracer->pending_bytes = heap->tracer->step_bytes = 0;
    }
    *heap->open.limit_in_parent = 0;
    lmm_open_set_first_limit(&heap->open, 0);
    heap->open.rows = NULL;
    lmm_rows_give(heap->row_pages);
    heap->row_pages = NULL;
    lmm_lock_release(heap->lock);
}

void lmm_heap_count(struct lmm_heap *heap, uint32_t site, const struct lmm_ledger_row *delta)
{
    struct lmm_ledger_row *row = lmm_heap_row(heap, site);

    if (row == NULL) {
        struct lmm_family *family = lmm_families_at(lmm_accounts_site_family(site));
        lmm_rows_count_shared(site, delta);
        if (!tells_bytes(family)) {
            lmm_family_add_live(family, lmm_family_amount(family, delta));
        }
    } else {
        lmm_row_add(row, delta);
    }
}

/* What the heap's rows say of a family. */
static int64_t own_amount(const struct lmm_heap *heap, const struct lmm_family *family)
{
    int64_t amount = 0;

    for (uint32_t id = lmm_load_acquire(&family->sites.first); id != LMM_SITE_NONE;
         id = lmm_site_next(id)) {
        uint32_t i = id >> LMM_ROWS_SHIFT;
        uintptr_t rows = i < heap->directory_capacity ? heap->open.directory[i] : 0;
        if (rows != 0) {
            const struct lmm_ledger_row *row = (const void *) rows;
            amount += lmm_family_amount(family, &row[id]);
        }
    }
    return amount;
}

/* After how many slots the heap's rows are summed again: the more live and the more sites there
 * are, the later. */
static uint64_t note_after(const struct lmm_bin *bin, const struct lmm_family *family)
{
    uint64_t half_page = LMM_UNIT_BYTES / 2 / family->stride;
    uint64_t part = (uint64_t) (bin->noted < 0 ? -bin->noted : bin->noted) / NOTED_PART;
    uint64_t cost = lmm_load_relaxed(&family->sites.count) / 8;
    uint64_t after = part < half_page ? part : half_page;

    return after > cost ? after : cost;
}

/* Adds what the heap's rows say, unless it differs from what the heap has added by no more than a
 * system page holds: all heaps write the family's live amount, and wait there for each other's cache
 * line. */
static void add_changes(struct lmm_heap *heap, struct lmm_bin *bin, struct lmm_family *family)
{
    size_t unit_bytes = family->counts_bytes ? 1 : family->stride;
    int64_t amount = own_amount(heap, family);
    int64_t change = amount - bin->noted;

    if ((uint64_t) (change < 0 ? -change : change) > LMM_SYSTEM_PAGE_BYTES / unit_bytes) {
        lmm_family_add_live(family, change);
        bin->noted = amount;
    }
}

void lmm_heap_note(struct lmm_heap *heap, struct lmm_family *family, size_t slots)
{
    if (family->index >= heap->bin_capacity || tells_bytes(family)) {
        return;
    }
    struct lmm_bin *bin = &heap->open.bins[family->index];
    uint64_t unnoted = bin->unnoted_slots + (uint64_t) slots;
    if (unnoted > note_after(bin, family)) {
        add_changes(heap, bin, family);
        unnoted = slots; /* a private list: they are still to be taken */
    }
    bin->unnoted_slots = unnoted < UINT32_MAX ? (uint32_t) unnoted : UINT32_MAX;
}

void lmm_heap_reset_noted(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_bin *bin = &heap->open.bins[i];
        bool is_family = i < lmm_families_count() && !tells_bytes(lmm_families_at(i));
        bin->noted = is_family ? own_amount(heap, lmm_families_at(i)) : 0;
        bin->unnoted_slots = 0;
    }
    if (heap->tracer != NULL) {
        heap->tracer->pending_bytes = heap->tracer->step_bytes = 0;
    }
}
