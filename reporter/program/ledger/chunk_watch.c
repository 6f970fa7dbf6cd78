/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/chunk_watch.h"

#include <lmm/ledger.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/books.h"
#include "reporter/program/base/array.h"

bool lmm_chunk_watch_open(const char *path, uint32_t kinds, struct lmm_chunk_watch *ret_watch)
{
    struct lmm_reason reason;

    *ret_watch = (struct lmm_chunk_watch) {.kinds = kinds};
    if (!lmm_ledger_file_open(path, &ret_watch->file, &reason)) {
        return false;
    }
    ret_watch->next = ret_watch->file.header.header_bytes;
    return true;
}

bool lmm_chunk_watch_read(const struct lmm_chunk_watch *watch, uint64_t at, void *bytes,
                          size_t count)
{
    return pread(watch->file.descriptor, bytes, count, (off_t) at) == (ssize_t) count;
}

static bool is_wanted(const struct lmm_chunk_watch *watch, uint32_t kind)
{
    return kind < 32 && (watch->kinds & UINT32_C(1) << kind) != 0;
}

static bool is_whole(const struct lmm_ledger_chunk *chunk, uint64_t at, uint64_t end)
{
    return lmm_books_are_chunk_bytes(chunk->bytes) && chunk->bytes <= end - at &&
           (uint64_t) chunk->capacity * chunk->record_bytes <= chunk->bytes - sizeof(*chunk);
}

static bool add_chunk(struct lmm_chunk_watch *watch, uint64_t at,
                      const struct lmm_ledger_chunk *chunk)
{
    struct lmm_watched_chunk *added =
        lmm_array_add(&watch->chunks, &watch->count, sizeof(*watch->chunks));

    if (added != NULL) {
        *added = (struct lmm_watched_chunk) {
            .at = at,
            .records = at + sizeof(*chunk),
            .kind = chunk->kind,
            .record_bytes = chunk->record_bytes,
            .first = chunk->first,
            .capacity = chunk->capacity,
        };
    }
    return added != NULL;
}

bool lmm_chunk_watch_look(struct lmm_chunk_watch *watch, uint64_t end)
{
    if (end > LMM_LEDGER_FILE_MAX) {
        return false;
    }
    while (watch->next < end && end - watch->next >= sizeof(struct lmm_ledger_chunk)) {
        struct lmm_ledger_chunk chunk;
        uint64_t at = watch->next;

        if (!lmm_chunk_watch_read(watch, at, &chunk, sizeof(chunk)) || !is_whole(&chunk, at, end)) {
            return false;
        }
        if (chunk.kind == LMM_LEDGER_UNUSED && chunk.bytes == end - at) {
            return true; /* its kind is written last */
        }
        if (is_wanted(watch, chunk.kind) && !add_chunk(watch, at, &chunk)) {
            return false;
        }
        watch->next += chunk.bytes;
    }
    return true;
}

bool lmm_chunk_watch_used(const struct lmm_chunk_watch *watch,
                          const struct lmm_watched_chunk *chunk, uint32_t *ret_used)
{
    uint64_t at = chunk->at + offsetof(struct lmm_ledger_chunk, used);

    return lmm_chunk_watch_read(watch, at, ret_used, sizeof(*ret_used)) &&
           *ret_used <= chunk->capacity;
}

static const struct lmm_watched_chunk *chunk_of_string(const struct lmm_chunk_watch *watch,
                                                       uint32_t reference)
{
    for (size_t i = 0; i < watch->count; i++) {
        const struct lmm_watched_chunk *chunk = &watch->chunks[i];

        if (chunk->kind == LMM_LEDGER_STRINGS && chunk->record_bytes == 1 &&
            reference >= chunk->first && reference - chunk->first < chunk->capacity) {
            return chunk;
        }
    }
    return NULL;
}

bool lmm_chunk_watch_string(const struct lmm_chunk_watch *watch, uint32_t reference, char *text,
                            size_t size)
{
    const struct lmm_watched_chunk *chunk = chunk_of_string(watch, reference);

    if (chunk == NULL) {
        return false;
    }
    size_t left = chunk->capacity - (reference - chunk->first);
    size_t bytes = left < size - 1 ? left : size - 1;

    if (!lmm_chunk_watch_read(watch, chunk->records + (reference - chunk->first), text, bytes)) {
        return false;
    }
    text[bytes] = '\0';
    return *text != '\0' && (bytes < left || strlen(text) < bytes);
}

void lmm_chunk_watch_close(struct lmm_chunk_watch *watch)
{
    lmm_ledger_file_close(&watch->file);
    free(watch->chunks);
    watch->chunks = NULL;
    watch->count = 0;
}
