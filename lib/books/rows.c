/* SPDX-License-Identifier: MIT */
#include "lib/books/rows.h"

#include "lib/books/chunks.h"
#include "lib/ground/panic.h"
#include "lib/ground/system.h"

#include <string.h>

/*
 * A column is what one owner has of records by site. Where it is too short a larger chunk takes its
 * place; while both are there, the larger counts.
 */
struct column {
    enum lmm_ledger_kind kind;
    uint32_t record_bytes;
    uint32_t owner;
    void *records; /* NULL: none yet */
    uint32_t capacity;
};

static struct {
    struct lmm_rows shared; /* owner 0 */
    struct column peaks[2]; /* by owner */
} state = {.peaks = {{LMM_LEDGER_PEAKS, sizeof(struct lmm_ledger_peak), 0, NULL, 0},
                     {LMM_LEDGER_PEAKS, sizeof(struct lmm_ledger_peak), 1, NULL, 0}}};

static struct lmm_ledger_chunk *chunk_of(const struct column *column)
{
    return column->records == NULL ? NULL : (struct lmm_ledger_chunk *) column->records - 1;
}

/* ---- Invariants ---------------------------------------------------------------------------- */

static bool is_column(uint32_t kind)
{
    return kind == LMM_LEDGER_ROWS || kind == LMM_LEDGER_TEMPORARIES || kind == LMM_LEDGER_PEAKS;
}

/* I2, between moves: the owner has this one chunk of the kind, which is all in use. */
static bool is_only_chunk_locked(const struct lmm_ledger_chunk *only)
{
    struct lmm_ledger_view view = lmm_chunks_view();

    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        if (chunk != only && chunk->kind == only->kind && chunk->owner == only->owner) {
            return false;
        }
    }
    return only->first == 0 && only->used == only->capacity;
}

bool lmm_rows_are_valid_locked(void)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    struct lmm_ledger_view view = lmm_chunks_view();

    if (!lmm_chunks_are_own()) {
        return true;
    }
    for (size_t i = 0; i < view.chunk_count; i++) {
        if (is_column(view.chunks[i]->kind) && !is_only_chunk_locked(view.chunks[i])) {
            return false;
        }
    }
    for (uint32_t owner = 0; owner < 2; owner++) {
        const struct lmm_ledger_chunk *peaks = chunk_of(&state.peaks[owner]);
        bool is_valid = header->peak_count != 0 && header->peak_count % 2 == owner; /* I3 */
        if (peaks == NULL ? is_valid : peaks->kind != LMM_LEDGER_PEAKS || peaks->owner != owner) {
            return false;
        }
    }
    return header->move_sequence % 2 == 0;
}

/* ---- Columns ------------------------------------------------------------------------------- */

/* Brackets changes after which a live reader must start again. */
static void move_begin_locked(void)
{
    LMM_CHECK(lmm_lock_is_held(&lmm_chunks_lock));
    LMM_CHECK(!lmm_chunks_are_own() ||
              lmm_load_relaxed(&lmm_chunks_header()->move_sequence) % 2 == 0);
    lmm_fetch_add_relaxed(&lmm_chunks_header()->move_sequence, 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void move_end_locked(void)
{
    lmm_store_release(&lmm_chunks_header()->move_sequence, lmm_chunks_header()->move_sequence + 1);
}

static void move_column_locked(struct lmm_ledger_chunk *larger, struct column *column)
{
    struct lmm_ledger_chunk *old = chunk_of(column);
    void *records = lmm_chunk_records(larger);

    LMM_CHECK(larger->capacity >= column->capacity && larger->owner == column->owner);
    move_begin_locked();
    if (old != NULL) {
        memcpy(records, column->records, (size_t) column->capacity * column->record_bytes);
    }
    lmm_store_release(&larger->kind, (uint32_t) column->kind);
    if (old != NULL) {
        lmm_chunk_retire(old);
    }
    column->records = records;
    column->capacity = larger->capacity;
    move_end_locked();
    LMM_CHECK(!lmm_chunks_are_own() || is_only_chunk_locked(larger));
}

/* An empty chunk, not of its kind yet, for `count` records of the column; NULL: no memory. */
static struct lmm_ledger_chunk *column_chunk_locked(const struct column *column, uint32_t count)
{
    size_t bytes = LMM_CHUNK_BYTES_MIN;
    size_t needed = sizeof(struct lmm_ledger_chunk) + (size_t) count * column->record_bytes;

    while (bytes < needed) {
        bytes *= 2;
    }
    struct lmm_ledger_chunk *chunk = lmm_chunk_reuse(column->record_bytes, bytes);
    if (chunk == NULL) {
        chunk = lmm_chunk_add(column->record_bytes, 0, bytes);
    }
    if (chunk != NULL) {
        chunk->owner = column->owner;
        lmm_store_relaxed(&chunk->used, chunk->capacity);
    }
    return chunk;
}

static bool grow_column_locked(struct column *column, uint32_t sites)
{
    if (sites <= column->capacity) {
        return true;
    }
    struct lmm_ledger_chunk *chunk = column_chunk_locked(column, sites);
    if (chunk == NULL) {
        return false;
    }
    move_column_locked(chunk, column);
    return true;
}

/* ---- Rows ---------------------------------------------------------------------------------- */

static bool grow_rows_locked(uint32_t owner, uint32_t sites, struct lmm_rows *rows)
{
    struct column column = {LMM_LEDGER_ROWS, sizeof(*rows->row), owner, rows->row, rows->capacity};
    bool done = grow_column_locked(&column, sites);

    rows->row = column.records;
    rows->capacity = column.capacity;
    return done;
}

bool lmm_rows_grow(uint32_t owner, uint32_t sites, struct lmm_rows *rows)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    bool done = grow_rows_locked(owner, sites, rows);
    lmm_lock_release(&lmm_chunks_lock);
    return done;
}

void lmm_rows_drop(struct lmm_rows *rows)
{
    if (rows->row == NULL) {
        return;
    }
    lmm_lock_acquire(&lmm_chunks_lock);
    move_begin_locked();
    lmm_chunk_retire((struct lmm_ledger_chunk *) rows->row - 1);
    move_end_locked();
    lmm_lock_release(&lmm_chunks_lock);
    *rows = (struct lmm_rows) {0};
}

bool lmm_rows_reach_locked(uint32_t sites)
{
    return grow_rows_locked(0, sites, &state.shared);
}

bool lmm_temporaries_grow(uint32_t owner, uint32_t sites, struct lmm_temporaries *temporaries)
{
    struct column column = {LMM_LEDGER_TEMPORARIES, sizeof(*temporaries->count), owner,
                            temporaries->count, temporaries->capacity};

    lmm_lock_acquire(&lmm_chunks_lock);
    bool done = grow_column_locked(&column, sites);
    lmm_lock_release(&lmm_chunks_lock);
    temporaries->count = column.records;
    temporaries->capacity = column.capacity;
    return done;
}

void lmm_rows_count_shared(uint32_t site, const struct lmm_ledger_row *delta)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    LMM_CHECK(site < state.shared.capacity);
    lmm_row_add(&state.shared.row[site], delta);
    lmm_lock_release(&lmm_chunks_lock);
}

void lmm_row_add_freed(const struct lmm_ledger_row *row, struct lmm_ledger_row *sum)
{
    sum->freed_blocks += lmm_load_relaxed(&row->freed_blocks);
    sum->freed_extra += lmm_load_relaxed(&row->freed_extra);
}

void lmm_row_add_allocated(const struct lmm_ledger_row *row, struct lmm_ledger_row *sum)
{
    sum->allocated_blocks += lmm_load_relaxed(&row->allocated_blocks);
    sum->allocated_extra += lmm_load_relaxed(&row->allocated_extra);
}

const struct lmm_ledger_row *lmm_rows_next_locked(size_t *position, uint32_t *ret_capacity)
{
    struct lmm_ledger_view view = lmm_chunks_view();

    while (*position < view.chunk_count) {
        const struct lmm_ledger_chunk *chunk = view.chunks[(*position)++];
        if (chunk->kind == LMM_LEDGER_ROWS) {
            *ret_capacity = chunk->capacity;
            return (const void *) (chunk + 1);
        }
    }
    return NULL;
}

/* Adds one half of all owners' rows for the site. */
static void add_owners_locked(uint32_t site, lmm_row_adder *add, struct lmm_ledger_row *sum)
{
    const struct lmm_ledger_row *rows;
    uint32_t capacity;
    size_t position = 0;

    while ((rows = lmm_rows_next_locked(&position, &capacity)) != NULL) {
        if (site < capacity) {
            add(&rows[site], sum);
        }
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

struct lmm_ledger_row lmm_rows_sum_locked(uint32_t site)
{
    struct lmm_ledger_row sum = {0};

    add_owners_locked(site, lmm_row_add_freed, &sum);
    add_owners_locked(site, lmm_row_add_allocated, &sum);
    return sum;
}

/* ---- The peak -------------------------------------------------------------------------------- */

/* Adds what lives by one owner's rows to the peaks. */
static void add_live(struct lmm_ledger_peak *peaks, const struct lmm_ledger_row *rows,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct lmm_ledger_row *row = &rows[i];
        peaks[i].blocks +=
            lmm_load_relaxed(&row->allocated_blocks) - lmm_load_relaxed(&row->freed_blocks);
        peaks[i].bytes +=
            lmm_load_relaxed(&row->allocated_extra) - lmm_load_relaxed(&row->freed_extra);
    }
}

/* What one thread allocated and another freed in the middle of this is less than nothing. */
static void clear_negative(struct lmm_ledger_peak *peaks, uint32_t sites)
{
    for (uint32_t i = 0; i < sites; i++) {
        if ((int64_t) peaks[i].blocks < 0 || (int64_t) peaks[i].bytes < 0) {
            peaks[i] = (struct lmm_ledger_peak) {0};
        }
    }
}

/* The header points at a whole peak, also when the process is killed here: two chunks take
 * turns. */
void lmm_rows_take_peak_locked(uint32_t sites, uint64_t bytes)
{
    struct lmm_ledger_header *header = lmm_chunks_header();
    const struct lmm_ledger_row *rows;
    uint32_t capacity;
    size_t position = 0;

    if (header->peak_count != 0 && bytes <= header->peak_bytes[header->peak_count % 2]) {
        return; /* another thread has recorded a higher peak */
    }
    uint32_t owner = (uint32_t) (header->peak_count + 1) % 2;
    if (!grow_column_locked(&state.peaks[owner], sites)) {
        return;
    }
    struct lmm_ledger_peak *peaks = state.peaks[owner].records;
    memset(peaks, 0, (size_t) sites * sizeof(*peaks));
    while ((rows = lmm_rows_next_locked(&position, &capacity)) != NULL) {
        add_live(peaks, rows, capacity < sites ? capacity : sites);
    }
    clear_negative(peaks, sites);
    lmm_store_relaxed(&header->peak_bytes[owner], bytes);
    lmm_store_relaxed(&header->peak_time_ns[owner], lmm_system_time_ns());
    lmm_store_release(&header->peak_count, header->peak_count + 1);
    LMM_CHECK(lmm_rows_are_valid_locked());
    /* A reader that copies the other chunk sees the count before the next writes to that chunk. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
}
