/* SPDX-License-Identifier: MIT */
#include "lib/books/rows.h"

#include "lib/books/chunks.h"
#include "lib/books/series.h"
#include "lib/ground/meta.h"
#include "lib/ground/panic.h"
#include "lib/ground/system.h"

#include <string.h>

enum {
    PAGE_BYTES =
        sizeof(struct lmm_ledger_row_page) + LMM_ROWS_PER_PAGE * sizeof(struct lmm_ledger_row),
    FIRST_BYTES =
        sizeof(struct lmm_ledger_row_page) + LMM_ROWS_IN_FIRST * sizeof(struct lmm_ledger_row),
    GROUPS = (LMM_LEDGER_MAX_SITES - LMM_ROWS_IN_FIRST) / LMM_ROWS_PER_PAGE + 1,
    GROUP_SHIFT = 6,
    GROUPS_A_BLOCK = 1 << GROUP_SHIFT, /* groups get their memory by so many */
};

/* Neighbouring sites, whose rows lie in one page. */
struct group {
    struct lmm_row_page shared; /* the first of all its pages */
    struct lmm_row_page *free;
    bool is_shared_used; /* something was counted in the shared page */
};

static struct {
    struct lmm_series first; /* pages of the first group; number 0 is shared */
    struct lmm_series pages; /* of all other groups */
    struct lmm_series peaks; /* by site */
    uint32_t group_count;
} state = {
    .first = {.kind = LMM_LEDGER_ROWS, .record_bytes = FIRST_BYTES},
    .pages = {.kind = LMM_LEDGER_ROWS, .record_bytes = PAGE_BYTES},
    .peaks = {.kind = LMM_LEDGER_PEAKS, .record_bytes = sizeof(struct lmm_ledger_peak)},
};

static struct group *groups[(GROUPS >> GROUP_SHIFT) + 1];

/* ---- Groups -------------------------------------------------------------------------------- */

static uint32_t group_number(uint32_t site)
{
    return site < LMM_ROWS_IN_FIRST ? 0 : ((site - LMM_ROWS_IN_FIRST) >> LMM_ROWS_SHIFT) + 1;
}

static uint32_t first_site(uint32_t number)
{
    return number == 0 ? 0 : LMM_ROWS_IN_FIRST + ((number - 1) << LMM_ROWS_SHIFT);
}

static struct group *group_at(uint32_t number)
{
    return &groups[number >> GROUP_SHIFT][number & (GROUPS_A_BLOCK - 1)];
}

static struct group *group_of(uint32_t site)
{
    LMM_CHECK(lmm_lock_is_held(&lmm_chunks_lock) && group_number(site) < state.group_count);
    return group_at(group_number(site));
}

/* ---- Pages --------------------------------------------------------------------------------- */

/* A page in the ledger for the group with that number; NULL with errno ENOMEM. */
static struct lmm_ledger_row_page *add_record_locked(uint32_t number, uint32_t owner)
{
    struct lmm_series *series = number == 0 ? &state.first : &state.pages;
    struct lmm_ledger_row_page *record = lmm_series_reserve_locked(series, 1);

    if (record != NULL) {
        record->owner = owner;
        record->first_site = first_site(number);
        record->rows = number == 0 ? LMM_ROWS_IN_FIRST : LMM_ROWS_PER_PAGE;
        lmm_series_commit_locked(series, 1);
    }
    return record;
}

/* Adds the next group, with its shared page. */
static bool add_group_locked(void)
{
    uint32_t number = state.group_count;
    struct group **block = &groups[number >> GROUP_SHIFT];

    if (*block == NULL) {
        *block = lmm_meta_zalloc(GROUPS_A_BLOCK * sizeof(**block));
    }
    if (*block == NULL) {
        return false;
    }
    struct group *group = group_at(number);
    group->shared.first_site = first_site(number);
    group->shared.record = add_record_locked(number, 0);
    if (group->shared.record == NULL) {
        return false;
    }
    state.group_count++;
    return true;
}

bool lmm_rows_reach_locked(uint32_t sites)
{
    while (first_site(state.group_count) < sites) {
        if (!add_group_locked()) {
            return false;
        }
    }
    return true;
}

static struct lmm_row_page *add_page_locked(struct group *group, uint32_t number, uint32_t owner)
{
    struct lmm_row_page *page = lmm_meta_zalloc(sizeof(*page));

    if (page == NULL) {
        return NULL;
    }
    page->record = add_record_locked(number, owner);
    if (page->record == NULL) {
        lmm_meta_free(&lmm_arena_records, page, sizeof(*page));
        return NULL;
    }
    page->first_site = first_site(number);
    page->of_group = group->shared.of_group;
    group->shared.of_group = page;
    return page;
}

struct lmm_row_page *lmm_rows_take(uint32_t owner, uint32_t site)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    struct group *group = group_of(site);
    struct lmm_row_page *page = group->free;
    if (page != NULL) {
        group->free = page->next;
        lmm_store_relaxed(&page->record->owner, owner);
    } else {
        page = add_page_locked(group, group_number(site), owner);
    }
    lmm_lock_release(&lmm_chunks_lock);
    return page;
}

void lmm_rows_give(struct lmm_row_page *first)
{
    struct lmm_row_page *next;

    lmm_lock_acquire(&lmm_chunks_lock);
    for (struct lmm_row_page *page = first; page != NULL; page = next) {
        struct group *group = group_of(page->first_site);
        next = page->next;
        page->next = group->free;
        group->free = page;
    }
    lmm_lock_release(&lmm_chunks_lock);
}

/* ---- Rows ---------------------------------------------------------------------------------- */

void lmm_row_add(struct lmm_ledger_row *row, const struct lmm_ledger_row *delta)
{
    lmm_add_single_writer(&row->allocated_blocks, delta->allocated_blocks);
    lmm_add_single_writer_release(&row->freed_blocks, delta->freed_blocks);
    lmm_add_single_writer(&row->allocated_extra, delta->allocated_extra);
    lmm_add_single_writer_release(&row->freed_extra, delta->freed_extra);
    lmm_add_single_writer_release(&row->temporaries, delta->temporaries);
    lmm_add_single_writer_release(&row->foreign_frees, delta->foreign_frees);
    lmm_row_note_bytes(row, delta->smallest_bytes);
    lmm_row_note_bytes(row, delta->largest_bytes);
}

void lmm_rows_count_shared(uint32_t site, const struct lmm_ledger_row *delta)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    group_of(site)->is_shared_used = true;
    lmm_row_add(lmm_row_of(&group_of(site)->shared, site), delta);
    lmm_lock_release(&lmm_chunks_lock);
}

static void add_allocated(const struct lmm_ledger_row *row, struct lmm_ledger_row *sum)
{
    sum->allocated_blocks += lmm_load_relaxed(&row->allocated_blocks);
    sum->allocated_extra += lmm_load_relaxed(&row->allocated_extra);
}

static void add_freed(const struct lmm_ledger_row *row, struct lmm_ledger_row *sum)
{
    sum->freed_blocks += lmm_load_relaxed(&row->freed_blocks);
    sum->freed_extra += lmm_load_relaxed(&row->freed_extra);
}

/* Adds the rows of `count` sites of one group to their sums. What is added later is read later. */
static inline void add_rows_locked(uint32_t site, uint32_t count, struct lmm_ledger_row *sums,
                                   void (*add)(const struct lmm_ledger_row *row,
                                               struct lmm_ledger_row *sum))
{
    const struct lmm_row_page *page = &group_of(site)->shared;

    for (; page != NULL; page = page->of_group) {
        const struct lmm_ledger_row *row = lmm_row_of(page, site);
        for (uint32_t i = 0; i < count; i++) {
            add(&row[i], &sums[i]);
        }
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

struct lmm_ledger_row lmm_rows_sum_locked(uint32_t site)
{
    struct lmm_ledger_row sum = {0};

    add_rows_locked(site, 1, &sum, add_freed);
    add_rows_locked(site, 1, &sum, add_allocated);
    return sum;
}

struct lmm_ledger_row lmm_rows_floor_locked(uint32_t site)
{
    struct lmm_ledger_row sum = {0};

    add_rows_locked(site, 1, &sum, add_allocated);
    add_rows_locked(site, 1, &sum, add_freed);
    return sum;
}

/* ---- The peak -------------------------------------------------------------------------------- */

typedef uint64_t bytes_of_site(uint32_t site, uint64_t blocks, uint64_t extra);

/* What lives at a site. */
struct live {
    uint64_t blocks;
    uint64_t extra;
};

/* Goes over each page of rows once for all its sites, which is faster than site by site where
 * thousands of threads have had pages. What is subtracted is read later. */
static void sum_group_locked(const struct group *group, uint32_t first, uint32_t count,
                             struct live *ret_live)
{
    const struct lmm_row_page *pages =
        group->is_shared_used ? &group->shared : group->shared.of_group;

    memset(ret_live, 0, count * sizeof(*ret_live));
    for (const struct lmm_row_page *page = pages; page != NULL; page = page->of_group) {
        const struct lmm_ledger_row *row = lmm_row_of(page, first);
        for (uint32_t i = 0; i < count; i++) {
            ret_live[i].blocks += lmm_load_relaxed(&row[i].allocated_blocks);
            ret_live[i].extra += lmm_load_relaxed(&row[i].allocated_extra);
        }
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    for (const struct lmm_row_page *page = pages; page != NULL; page = page->of_group) {
        const struct lmm_ledger_row *row = lmm_row_of(page, first);
        for (uint32_t i = 0; i < count; i++) {
            ret_live[i].blocks -= lmm_load_relaxed(&row[i].freed_blocks);
            ret_live[i].extra -= lmm_load_relaxed(&row[i].freed_extra);
        }
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* Nothing lives where the sum is less than nothing, because a block was allocated and freed while it was
 * made. Returns the bytes of all sites. */
static uint64_t take_group_peak_locked(uint32_t number, uint32_t sites, uint32_t turn,
                                       bytes_of_site *bytes_of)
{
    static struct live live[LMM_ROWS_IN_FIRST]; /* not on a stack, which may be small */
    uint32_t first = first_site(number);
    uint32_t end = first_site(number + 1) < sites ? first_site(number + 1) : sites;
    struct lmm_ledger_peak *peak = NULL;
    uint32_t left = 0; /* records from `peak` on */
    uint64_t sum = 0;

    sum_group_locked(group_at(number), first, end - first, live);
    for (uint32_t site = first; site < end; site++, peak++, left--) {
        const struct live *one = &live[site - first];
        bool is_sound = (int64_t) one->blocks >= 0 && (int64_t) one->extra >= 0;
        uint64_t blocks = is_sound ? one->blocks : 0;
        uint64_t extra = is_sound ? one->extra : 0;

        if (left == 0) {
            peak = lmm_series_records(&state.peaks, site, &left);
        }
        lmm_store_relaxed(&peak->blocks[turn], blocks);
        uint64_t bytes = bytes_of == NULL ? extra : bytes_of(site, blocks, extra);
        lmm_store_relaxed(&peak->bytes[turn], bytes);
        sum += bytes;
    }
    return sum;
}

/* The header points at a whole peak, also when the process is killed here: two turns alternate. */
uint64_t lmm_rows_take_peak_locked(uint32_t sites, uint64_t bytes,
                                   uint64_t (*bytes_of)(uint32_t site, uint64_t blocks,
                                                        uint64_t extra))
{
    struct lmm_ledger_header *header = lmm_chunks_header();
    uint32_t turn = (uint32_t) (header->peak_count + 1) % 2;
    uint64_t last = header->peak_count == 0 ? 0 : header->peak_bytes[1 - turn];
    uint64_t sum = 0;

    if (bytes <= last || !lmm_series_reach_locked(&state.peaks, sites)) {
        return last; /* another thread has recorded a higher peak, or there is no memory */
    }
    for (uint32_t number = 0; first_site(number) < sites; number++) {
        sum += take_group_peak_locked(number, sites, turn, bytes_of);
    }
    bytes = bytes == LMM_PEAK_OF_SITES ? sum : bytes;
    if (bytes <= last) {
        return last;
    }
    lmm_store_relaxed(&header->peak_bytes[turn], bytes);
    lmm_store_relaxed(&header->peak_time_ns[turn], lmm_system_time_ns());
    lmm_store_release(&header->peak_count, header->peak_count + 1);
    LMM_CHECK(lmm_rows_are_valid_locked());
    /* A reader that copies the other turn sees the count before the next writes to that turn. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return bytes;
}

/* ---- Invariants ---------------------------------------------------------------------------- */

/* Whether the pages of a group are its own, and the shared page, and no other, is owner 0's. */
static bool is_group_valid(uint32_t number)
{
    const struct group *group = group_at(number);
    uint32_t rows = number == 0 ? LMM_ROWS_IN_FIRST : LMM_ROWS_PER_PAGE;
    const struct lmm_row_page *page = &group->shared;

    do {
        if (page->first_site != first_site(number) ||
            page->record->first_site != page->first_site || page->record->rows != rows ||
            (lmm_load_relaxed(&page->record->owner) == 0) != (page == &group->shared)) {
            return false;
        }
        page = page->of_group;
    } while (page != NULL);
    for (page = group->free; page != NULL; page = page->next) {
        if (page->first_site != first_site(number)) {
            return false;
        }
    }
    return true;
}

bool lmm_rows_are_valid_locked(void)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();

    if (!lmm_chunks_are_own()) {
        return true;
    }
    for (uint32_t number = 0; number < state.group_count; number++) {
        if (!is_group_valid(number)) {
            return false;
        }
    }
    return header->peak_count == 0 || lmm_series_count(&state.peaks) != 0;
}
