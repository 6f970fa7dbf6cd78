/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include "meta.h"
#include "sync.h"
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    SERIES_MAX = 28,               /* chunks of a series; each doubles the one before */
    FIRST_CHUNK_BYTES = 4096,
    DIRECTORY_FIRST = 64,
};

/* A table that grows by chunks, each twice the one before; records never move. */
struct series {
    enum lmm_ledger_kind kind;
    uint32_t record_bytes;
    uint32_t used;                 /* records in all; atomic, written under the lock */
    uint32_t chunks;               /* atomic, written under the lock after the chunk stands */
    struct lmm_ledger_chunk *chunk[SERIES_MAX];
};

static struct {
    struct lmm_lock lock;
    struct lmm_ledger_header *header;
    struct series strings;
    struct series families;
    struct series sites;
    struct lmm_rows departed;      /* owner 0 */
    struct lmm_ledger_chunk **directory;
    size_t directory_used;
    size_t directory_capacity;
    uint32_t last_file;            /* string references, most likely wanted again */
    uint32_t last_function;
} ledger = {
    .lock = LMM_LOCK_INIT(LMM_RANK_LEDGER),
    .strings = {.kind = LMM_LEDGER_STRINGS, .record_bytes = 1},
    .families = {.kind = LMM_LEDGER_FAMILIES, .record_bytes = sizeof(struct lmm_ledger_family)},
    .sites = {.kind = LMM_LEDGER_SITES, .record_bytes = sizeof(struct lmm_ledger_site)},
};

static void *records_of(struct lmm_ledger_chunk *chunk)
{
    return chunk + 1;
}

/* ---- Chunks -------------------------------------------------------------------------------- */

static bool directory_reserve_locked(void)
{
    if (ledger.directory_used < ledger.directory_capacity) {
        return true;
    }
    size_t capacity = ledger.directory_capacity == 0 ? DIRECTORY_FIRST : 2 * ledger.directory_capacity;
    struct lmm_ledger_chunk **larger = lmm_meta_zalloc(capacity * sizeof(struct lmm_ledger_chunk *));
    if (larger == NULL) {
        return false;
    }
    if (ledger.directory != NULL) {
        memcpy(larger, ledger.directory, ledger.directory_used * sizeof(struct lmm_ledger_chunk *));
        lmm_meta_free(&lmm_arena_records, ledger.directory,
                      ledger.directory_capacity * sizeof(struct lmm_ledger_chunk *));
    }
    ledger.directory = larger;
    ledger.directory_capacity = capacity;
    return true;
}

/* Adds a chunk of `bytes`, as many records as fit in it. */
static struct lmm_ledger_chunk *add_chunk_locked(enum lmm_ledger_kind kind, uint32_t record_bytes,
                                                 uint32_t first, size_t bytes)
{
    if (!directory_reserve_locked()) {
        return NULL;
    }
    struct lmm_ledger_chunk *chunk = lmm_vm_map(bytes);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->kind = kind;
    chunk->record_bytes = record_bytes;
    chunk->first = first;
    chunk->capacity = (uint32_t) ((bytes - sizeof(*chunk)) / record_bytes);
    ledger.directory[ledger.directory_used++] = chunk;
    return chunk;
}

/* Removes an outgrown chunk of rows, and unmaps it. */
static void remove_chunk_locked(struct lmm_ledger_chunk *chunk)
{
    for (size_t i = 0; i < ledger.directory_used; i++) {
        if (ledger.directory[i] == chunk) {
            ledger.directory[i] = ledger.directory[--ledger.directory_used];
            break;
        }
    }
    lmm_vm_unmap(chunk, sizeof(*chunk) + (size_t) chunk->capacity * chunk->record_bytes);
}

/* ---- Series -------------------------------------------------------------------------------- */

/* Room for `count` adjoining records that are not yet used; NULL when there is no memory. */
static void *series_reserve_locked(struct series *series, uint32_t count)
{
    struct lmm_ledger_chunk *last = series->chunks == 0 ? NULL : series->chunk[series->chunks - 1];

    if (last != NULL && last->capacity - last->used >= count) {
        return (char *) records_of(last) + (size_t) last->used * series->record_bytes;
    }
    if (series->chunks == SERIES_MAX) {
        return NULL;
    }
    size_t bytes = (size_t) FIRST_CHUNK_BYTES << series->chunks;
    size_t needed = sizeof(*last) + (size_t) count * series->record_bytes;
    uint32_t first = last == NULL ? 0 : last->first + last->capacity;
    struct lmm_ledger_chunk *chunk =
        add_chunk_locked(series->kind, series->record_bytes, first,
                         lmm_round_up(bytes > needed ? bytes : needed, LMM_SYSTEM_PAGE_BYTES));
    if (chunk == NULL) {
        return NULL;
    }
    if (last != NULL) {
        lmm_store_release(&last->used, last->capacity);    /* what is left of it stays zero */
    }
    series->chunk[series->chunks] = chunk;
    lmm_store_release(&series->chunks, series->chunks + 1);
    lmm_store_release(&series->used, first);
    return records_of(chunk);
}

/* Makes the records reserved just before valid; returns the index of the first. */
static uint32_t series_commit_locked(struct series *series, uint32_t count)
{
    struct lmm_ledger_chunk *last = series->chunk[series->chunks - 1];
    uint32_t index = last->first + last->used;

    lmm_store_release(&last->used, last->used + count);
    lmm_store_release(&series->used, index + count);
    return index;
}

/* The record with that index, which is valid. */
static void *series_record(struct series *series, uint32_t index)
{
    uint32_t i = lmm_load_acquire(&series->chunks) - 1;

    while (series->chunk[i]->first > index) {
        i--;
    }
    size_t at = index - series->chunk[i]->first;
    return (char *) records_of(series->chunk[i]) + at * series->record_bytes;
}

static bool add_string_locked(const char *text, uint32_t *ret_reference)
{
    size_t bytes = strlen(text) + 1;

    if (bytes > UINT16_MAX) {
        text = "(name too long)";
        bytes = strlen(text) + 1;
    }
    if (ledger.strings.used > UINT32_MAX / 2) {
        return false;
    }
    char *room = series_reserve_locked(&ledger.strings, (uint32_t) bytes);
    if (room == NULL) {
        return false;
    }
    memcpy(room, text, bytes);
    *ret_reference = series_commit_locked(&ledger.strings, (uint32_t) bytes);
    return true;
}

/* As add_string_locked(), but takes the last such string again where it is the same. */
static bool share_string_locked(const char *text, uint32_t *last)
{
    const char *same = series_record(&ledger.strings, *last);

    return strcmp(same, text) == 0 || add_string_locked(text, last);
}

/* ---- Start --------------------------------------------------------------------------------- */

static void fill_header(struct lmm_ledger_header *header)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    memcpy(header->magic, LMM_LEDGER_MAGIC, sizeof(header->magic));
    header->version = LMM_LEDGER_VERSION;
    header->header_bytes = sizeof(*header);
    header->pid = (uint32_t) getpid();
    header->system_page_bytes = LMM_SYSTEM_PAGE_BYTES;
    header->start_time_ns = (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
    ssize_t length = readlink("/proc/self/exe", header->executable, sizeof(header->executable) - 1);
    header->executable[length < 0 ? 0 : length] = '\0';
}

bool lmm_ledger_start(void)
{
    struct lmm_ledger_header *header = lmm_vm_map(sizeof(*header));

    if (header == NULL) {
        return false;
    }
    fill_header(header);
    lmm_lock_acquire(&ledger.lock);
    uint32_t empty;
    bool done = ledger.strings.used != 0 || add_string_locked("", &empty);
    if (done) {
        lmm_store_release(&ledger.header, header);
    }
    lmm_lock_release(&ledger.lock);
    if (!done) {
        lmm_vm_unmap(header, sizeof(*header));
    }
    return done;
}

void lmm_ledger_restart(void)
{
    if (ledger.header != NULL) {
        fill_header(ledger.header);
    }
}

struct lmm_ledger_header *lmm_ledger_header(void)
{
    return lmm_load_acquire(&ledger.header);
}

/* ---- Families and sites ---------------------------------------------------------------------- */

struct lmm_ledger_family *lmm_ledger_add_family(const char *name, size_t size, size_t align,
                                                size_t stride)
{
    uint32_t reference;

    lmm_lock_acquire(&ledger.lock);
    struct lmm_ledger_family *record = NULL;
    if (add_string_locked(name, &reference)) {
        record = series_reserve_locked(&ledger.families, 1);
    }
    if (record != NULL) {
        record->name = reference;
        record->align_bytes = (uint32_t) align;
        record->size_bytes = size;
        record->stride_bytes = stride;
        series_commit_locked(&ledger.families, 1);
    }
    lmm_lock_release(&ledger.lock);
    return record;
}

void lmm_ledger_drop_family(void)
{
    lmm_lock_acquire(&ledger.lock);
    struct lmm_ledger_chunk *last = ledger.families.chunk[ledger.families.chunks - 1];
    memset(series_record(&ledger.families, ledger.families.used - 1), 0,
           sizeof(struct lmm_ledger_family));
    lmm_store_release(&last->used, last->used - 1);
    lmm_store_release(&ledger.families.used, ledger.families.used - 1);
    lmm_lock_release(&ledger.lock);
}

void lmm_ledger_count_pages(struct lmm_ledger_family *record, int64_t pages, int64_t bytes)
{
    lmm_fetch_add_relaxed(&record->pages, (uint64_t) pages);
    lmm_fetch_add_relaxed(&record->mapped_bytes, (uint64_t) bytes);
}

static bool grow_rows_locked(uint32_t owner, uint32_t sites, struct lmm_rows *rows);

bool lmm_ledger_add_site(uint32_t family, uint32_t line, const char *file, const char *function,
                         uint32_t *ret_id)
{
    lmm_lock_acquire(&ledger.lock);
    bool done = share_string_locked(file, &ledger.last_file) &&
                share_string_locked(function, &ledger.last_function) &&
                grow_rows_locked(0, ledger.sites.used + 1, &ledger.departed);
    struct lmm_ledger_site *record = done ? series_reserve_locked(&ledger.sites, 1) : NULL;
    if (record != NULL) {
        record->family = family;
        record->line = line;
        record->file = ledger.last_file;
        record->function = ledger.last_function;
        *ret_id = series_commit_locked(&ledger.sites, 1);
    }
    lmm_lock_release(&ledger.lock);
    return record != NULL;
}

struct lmm_site_facts lmm_ledger_site_facts(uint32_t id)
{
    const struct lmm_ledger_site *record = series_record(&ledger.sites, id);

    return (struct lmm_site_facts) {
        .family = record->family,
        .line = record->line,
        .file = series_record(&ledger.strings, record->file),
        .function = series_record(&ledger.strings, record->function),
    };
}

uint32_t lmm_ledger_site_count(void)
{
    return lmm_load_acquire(&ledger.sites.used);
}

uint32_t lmm_ledger_family_count(void)
{
    return lmm_load_acquire(&ledger.families.used);
}

/* ---- Rows ---------------------------------------------------------------------------------- */

/* Brackets changes after which a reader must start again. */
static void fold_begin_locked(void)
{
    lmm_fetch_add_relaxed(&ledger.header->fold_sequence, 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void fold_end_locked(void)
{
    lmm_store_release(&ledger.header->fold_sequence, ledger.header->fold_sequence + 1);
}

/* Copies rows that only the caller writes; the target is not yet seen by anybody. */
static void copy_rows(struct lmm_ledger_row *to, const struct lmm_ledger_row *from, uint32_t count)
{
    if (count != 0) {
        memcpy(to, from, (size_t) count * sizeof(*to));
    }
}

static bool grow_rows_locked(uint32_t owner, uint32_t sites, struct lmm_rows *rows)
{
    if (sites <= rows->capacity) {
        return true;
    }
    size_t bytes = FIRST_CHUNK_BYTES;
    size_t needed = sizeof(struct lmm_ledger_chunk) + (size_t) sites * sizeof(struct lmm_ledger_row);
    while (bytes < needed) {
        bytes *= 2;
    }
    struct lmm_ledger_chunk *chunk =
        add_chunk_locked(LMM_LEDGER_ROWS, sizeof(struct lmm_ledger_row), 0, bytes);
    if (chunk == NULL) {
        return false;
    }
    fold_begin_locked();
    struct lmm_ledger_row *row = records_of(chunk);
    copy_rows(row, rows->row, rows->capacity);
    chunk->owner = owner;
    lmm_store_release(&chunk->used, chunk->capacity);
    if (rows->row != NULL) {
        remove_chunk_locked((struct lmm_ledger_chunk *) (void *) rows->row - 1);
    }
    rows->row = row;
    rows->capacity = chunk->capacity;
    fold_end_locked();
    return true;
}

bool lmm_ledger_grow_rows(uint32_t owner, uint32_t sites, struct lmm_rows *rows)
{
    lmm_lock_acquire(&ledger.lock);
    bool done = grow_rows_locked(owner, sites, rows);
    lmm_lock_release(&ledger.lock);
    return done;
}

static void add_row(struct lmm_ledger_row *to, const struct lmm_ledger_row *delta)
{
    lmm_add_single_writer(&to->allocated_blocks, delta->allocated_blocks);
    lmm_add_single_writer(&to->freed_blocks, delta->freed_blocks);
    lmm_add_single_writer(&to->allocated_extra_slots, delta->allocated_extra_slots);
    lmm_add_single_writer(&to->freed_extra_slots, delta->freed_extra_slots);
}

void lmm_ledger_count_departed(uint32_t site, const struct lmm_ledger_row *delta)
{
    lmm_lock_acquire(&ledger.lock);
    LMM_CHECK(site < ledger.departed.capacity);
    add_row(&ledger.departed.row[site], delta);
    lmm_lock_release(&ledger.lock);
}

void lmm_ledger_fold_rows(const struct lmm_rows *rows)
{
    lmm_lock_acquire(&ledger.lock);
    fold_begin_locked();
    uint32_t sites = ledger.sites.used < rows->capacity ? ledger.sites.used : rows->capacity;
    for (uint32_t i = 0; i < sites; i++) {
        struct lmm_ledger_row *from = &rows->row[i];
        add_row(&ledger.departed.row[i], from);
        lmm_store_relaxed(&from->allocated_blocks, 0);
        lmm_store_relaxed(&from->freed_blocks, 0);
        lmm_store_relaxed(&from->allocated_extra_slots, 0);
        lmm_store_relaxed(&from->freed_extra_slots, 0);
    }
    fold_end_locked();
    lmm_lock_release(&ledger.lock);
}

struct lmm_ledger_row lmm_ledger_sum_locked(uint32_t site)
{
    struct lmm_ledger_row sum = {0};

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < ledger.directory_used; i++) {
            struct lmm_ledger_chunk *chunk = ledger.directory[i];
            if (chunk->kind != LMM_LEDGER_ROWS || site >= chunk->capacity) {
                continue;
            }
            const struct lmm_ledger_row *row = (struct lmm_ledger_row *) records_of(chunk) + site;
            if (pass == 0) {
                sum.freed_blocks += lmm_load_relaxed(&row->freed_blocks);
                sum.freed_extra_slots += lmm_load_relaxed(&row->freed_extra_slots);
            } else {
                sum.allocated_blocks += lmm_load_relaxed(&row->allocated_blocks);
                sum.allocated_extra_slots += lmm_load_relaxed(&row->allocated_extra_slots);
            }
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    }
    return sum;
}

void lmm_ledger_acquire(void)
{
    lmm_lock_acquire(&ledger.lock);
}

void lmm_ledger_release(void)
{
    lmm_lock_release(&ledger.lock);
}

struct lmm_ledger_view lmm_ledger_view_locked(void)
{
    return (struct lmm_ledger_view) {
        .header = ledger.header,
        .chunks = (const struct lmm_ledger_chunk *const *) ledger.directory,
        .chunk_count = ledger.directory_used,
    };
}

void lmm_ledger_before_fork(void)
{
    lmm_lock_acquire_for_fork(&ledger.lock);
}

void lmm_ledger_after_fork(void)
{
    lmm_lock_release_for_fork(&ledger.lock);
}
