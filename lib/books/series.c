/* SPDX-License-Identifier: MIT */
#include "lib/books/series.h"

#include <errno.h>
#include <string.h>

static struct lmm_ledger_chunk *last_chunk(const struct lmm_series *series)
{
    return series->chunks == 0 ? NULL : series->chunk[series->chunks - 1];
}

static struct lmm_ledger_chunk *add_chunk_locked(struct lmm_series *series, uint32_t count)
{
    struct lmm_ledger_chunk *last = last_chunk(series);

    if (series->chunks == LMM_SERIES_CHUNKS) {
        errno = ENOMEM;
        return NULL;
    }
    size_t bytes = (size_t) LMM_CHUNK_BYTES_MIN << series->chunks;
    size_t needed = sizeof(*last) + (size_t) count * series->record_bytes;
    uint32_t first = last == NULL ? 0 : last->first + last->capacity;
    struct lmm_ledger_chunk *chunk =
        lmm_chunk_add(series->record_bytes, first,
                      lmm_round_up(bytes > needed ? bytes : needed, LMM_SYSTEM_PAGE_BYTES));
    if (chunk == NULL) {
        return NULL;
    }
    if (last != NULL) {
        lmm_store_release(&last->used, last->capacity); /* the remaining records stay zero */
    }
    lmm_store_release(&chunk->kind, (uint32_t) series->kind);
    series->chunk[series->chunks] = chunk;
    lmm_store_release(&series->chunks, series->chunks + 1);
    lmm_store_release(&series->used, first);
    return chunk;
}

void *lmm_series_reserve_locked(struct lmm_series *series, uint32_t count)
{
    struct lmm_ledger_chunk *last = last_chunk(series);

    LMM_CHECK(lmm_lock_is_held(&lmm_chunks_lock) && count != 0);
    if (last != NULL && lmm_chunk_is_lost(last)) {
        last->capacity = last->used;
    }
    if (last == NULL || last->capacity - last->used < count) {
        last = add_chunk_locked(series, count);
    }
    return last == NULL
               ? NULL
               : (char *) lmm_chunk_records(last) + (size_t) last->used * series->record_bytes;
}

uint32_t lmm_series_commit_locked(struct lmm_series *series, uint32_t count)
{
    struct lmm_ledger_chunk *last = last_chunk(series);
    uint32_t number = last->first + last->used;

    LMM_CHECK(count <= last->capacity - last->used);
    lmm_store_release(&last->used, last->used + count);
    lmm_store_release(&series->used, number + count);
    return number;
}

bool lmm_series_add_locked(struct lmm_series *series, const void *record, uint32_t *ret_number)
{
    void *room = lmm_series_reserve_locked(series, 1);

    if (room == NULL) {
        return false;
    }
    memcpy(room, record, series->record_bytes);
    *ret_number = lmm_series_commit_locked(series, 1);
    return true;
}

bool lmm_series_reach_locked(struct lmm_series *series, uint32_t count)
{
    while (series->used < count) {
        if (lmm_series_reserve_locked(series, 1) == NULL) {
            return false;
        }
        const struct lmm_ledger_chunk *last = last_chunk(series);
        uint32_t room = last->capacity - last->used;
        uint32_t missing = count - series->used;
        lmm_series_commit_locked(series, missing < room ? missing : room);
    }
    return true;
}

void lmm_series_drop_locked(struct lmm_series *series)
{
    struct lmm_ledger_chunk *last = last_chunk(series);

    LMM_CHECK(lmm_lock_is_held(&lmm_chunks_lock) && series->used != 0 && last->used != 0);
    void *record = lmm_series_record(series, series->used - 1);
    lmm_store_release(&last->used, last->used - 1);
    lmm_store_release(&series->used, series->used - 1);
    memset(record, 0, series->record_bytes);
}

void *lmm_series_records(const struct lmm_series *series, uint32_t number, uint32_t *ret_count)
{
    /* The number may be of a tag that was loaded relaxed. Partner: lmm_heap_open_sites(). */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint32_t i = lmm_load_acquire(&series->chunks) - 1;

    LMM_CHECK(number < lmm_series_count(series));
    while (series->chunk[i]->first > number) {
        i--;
    }
    size_t at = number - series->chunk[i]->first;
    *ret_count = series->chunk[i]->capacity - (uint32_t) at;
    return (char *) lmm_chunk_records(series->chunk[i]) + at * series->record_bytes;
}

void *lmm_series_record(const struct lmm_series *series, uint32_t number)
{
    uint32_t count;

    return lmm_series_records(series, number, &count);
}
