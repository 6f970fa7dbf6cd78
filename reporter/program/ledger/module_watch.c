/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/module_watch.h"

#include <limits.h>
#include <lmm/ledger.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/books.h"
#include "reporter/program/base/array.h"
#include "reporter/program/ledger/ledger_file.h"

/* A chunk of modules or strings. */
struct part {
    uint64_t at;      /* of its header */
    uint64_t records; /* of the first record */
    uint32_t record_bytes;
    uint32_t first;
    uint32_t capacity;
    uint32_t seen; /* records that were taken */
};

struct parts {
    struct part *items;
    size_t count;
};

struct lmm_module_watch {
    struct lmm_ledger_file file;
    uint64_t next; /* the first chunk that was not looked at */
    struct parts modules;
    struct parts strings;
};

static bool read_at(const struct lmm_module_watch *watch, uint64_t at, void *bytes, size_t count)
{
    return pread(watch->file.descriptor, bytes, count, (off_t) at) == (ssize_t) count;
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

static bool add_part(struct parts *parts, uint64_t at, const struct lmm_ledger_chunk *chunk)
{
    struct part *part = lmm_array_add(&parts->items, &parts->count, sizeof(*part));

    if (part != NULL) {
        *part = (struct part) {
            .at = at,
            .records = at + sizeof(*chunk),
            .record_bytes = chunk->record_bytes,
            .first = chunk->first,
            .capacity = chunk->capacity,
        };
    }
    return part != NULL;
}

static bool is_whole(const struct lmm_ledger_chunk *chunk, uint64_t at, uint64_t end)
{
    return lmm_books_are_chunk_bytes(chunk->bytes) && chunk->bytes <= end - at &&
           (uint64_t) chunk->capacity * chunk->record_bytes <= chunk->bytes - sizeof(*chunk);
}

/* Adds the chunks that are new. Returns whether the chain is sound. */
static bool look_at_chunks(struct lmm_module_watch *watch, uint64_t end)
{
    while (watch->next < end && end - watch->next >= sizeof(struct lmm_ledger_chunk)) {
        struct lmm_ledger_chunk chunk;
        uint64_t at = watch->next;
        bool good = true;

        if (!read_at(watch, at, &chunk, sizeof(chunk)) || !is_whole(&chunk, at, end)) {
            return false;
        }
        if (chunk.kind == LMM_LEDGER_UNUSED && chunk.bytes == end - at) {
            return true; /* its kind is written last */
        }
        if (chunk.kind == LMM_LEDGER_MODULES) {
            good = chunk.record_bytes >= LMM_LEDGER_MODULE_BYTES_MIN &&
                   add_part(&watch->modules, at, &chunk);
        } else if (chunk.kind == LMM_LEDGER_STRINGS) {
            good = chunk.record_bytes == 1 && add_part(&watch->strings, at, &chunk);
        }
        if (!good) {
            return false;
        }
        watch->next += chunk.bytes;
    }
    return true;
}

/* ---- Modules --------------------------------------------------------------------------------- */

/* Reads the string at a reference; returns whether it is there, and not empty. */
static bool read_string(const struct lmm_module_watch *watch, uint32_t reference,
                        char text[PATH_MAX])
{
    for (size_t i = 0; i < watch->strings.count; i++) {
        const struct part *part = &watch->strings.items[i];
        uint32_t offset = reference - part->first;

        if (reference >= part->first && offset < part->capacity) {
            size_t left = part->capacity - offset;
            size_t bytes = left < PATH_MAX ? left : PATH_MAX;

            return read_at(watch, part->records + offset, text, bytes) &&
                   memchr(text, '\0', bytes) != NULL && *text != '\0';
        }
    }
    return false;
}

static bool look_at_modules(struct lmm_module_watch *watch, struct part *part,
                            void (*take)(void *context, const char *path), void *context)
{
    uint32_t used;
    struct lmm_ledger_module module;
    char path[PATH_MAX];

    if (!read_at(watch, part->at + offsetof(struct lmm_ledger_chunk, used), &used, sizeof(used)) ||
        used > part->capacity) {
        return false;
    }
    for (; part->seen < used; part->seen++) {
        if (!read_at(watch, part->records + (uint64_t) part->seen * part->record_bytes, &module,
                     LMM_LEDGER_MODULE_BYTES_MIN)) {
            return false;
        }
        if (read_string(watch, module.path, path)) {
            take(context, path);
        }
    }
    return true;
}

bool lmm_module_watch_look(struct lmm_module_watch *watch,
                           void (*take)(void *context, const char *path), void *context)
{
    uint32_t state;
    uint64_t end;

    if (!read_at(watch, offsetof(struct lmm_ledger_header, state), &state, sizeof(state)) ||
        !read_at(watch, offsetof(struct lmm_ledger_header, file_bytes), &end, sizeof(end)) ||
        end > LMM_LEDGER_FILE_MAX || !look_at_chunks(watch, end)) {
        return false;
    }
    for (size_t i = 0; i < watch->modules.count; i++) {
        if (!look_at_modules(watch, &watch->modules.items[i], take, context)) {
            return false;
        }
    }
    return state == LMM_LEDGER_RUNNING;
}

struct lmm_module_watch *lmm_module_watch_open(const char *path)
{
    struct lmm_module_watch *watch = calloc(1, sizeof(*watch));
    struct lmm_reason reason;

    if (watch != NULL && !lmm_ledger_file_open(path, &watch->file, &reason)) {
        free(watch);
        return NULL;
    }
    if (watch != NULL) {
        watch->next = watch->file.header.header_bytes;
    }
    return watch;
}

void lmm_module_watch_close(struct lmm_module_watch *watch)
{
    if (watch != NULL) {
        lmm_ledger_file_close(&watch->file);
        free(watch->modules.items);
        free(watch->strings.items);
        free(watch);
    }
}
