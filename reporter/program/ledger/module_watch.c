/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/module_watch.h"

#include <limits.h>
#include <lmm/ledger.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/ledger/chunk_watch.h"

struct lmm_module_watch {
    struct lmm_chunk_watch chunks;
};

/* A path that does not end within PATH_MAX is none. */
static bool read_path(const struct lmm_chunk_watch *chunks, uint32_t reference, char text[PATH_MAX])
{
    return lmm_chunk_watch_string(chunks, reference, text, PATH_MAX) && strlen(text) < PATH_MAX - 1;
}

static bool look_at_modules(struct lmm_chunk_watch *chunks, struct lmm_watched_chunk *chunk,
                            void (*take)(void *context, const char *path), void *context)
{
    uint32_t used;
    struct lmm_ledger_module module;
    char path[PATH_MAX];

    if (chunk->record_bytes < LMM_LEDGER_MODULE_BYTES_MIN ||
        !lmm_chunk_watch_used(chunks, chunk, &used)) {
        return false;
    }
    for (; chunk->seen < used; chunk->seen++) {
        uint64_t at = chunk->records + (uint64_t) chunk->seen * chunk->record_bytes;

        if (!lmm_chunk_watch_read(chunks, at, &module, LMM_LEDGER_MODULE_BYTES_MIN)) {
            return false;
        }
        if (read_path(chunks, module.path, path)) {
            take(context, path);
        }
    }
    return true;
}

bool lmm_module_watch_look(struct lmm_module_watch *watch,
                           void (*take)(void *context, const char *path), void *context)
{
    struct lmm_chunk_watch *chunks = &watch->chunks;
    uint32_t state;
    uint64_t end;

    if (!lmm_chunk_watch_read(chunks, offsetof(struct lmm_ledger_header, state), &state,
                              sizeof(state)) ||
        !lmm_chunk_watch_read(chunks, offsetof(struct lmm_ledger_header, file_bytes), &end,
                              sizeof(end)) ||
        !lmm_chunk_watch_look(chunks, end)) {
        return false;
    }
    for (size_t i = 0; i < chunks->count; i++) {
        if (chunks->chunks[i].kind == LMM_LEDGER_MODULES &&
            !look_at_modules(chunks, &chunks->chunks[i], take, context)) {
            return false;
        }
    }
    return state == LMM_LEDGER_RUNNING;
}

struct lmm_module_watch *lmm_module_watch_open(const char *path)
{
    const uint32_t kinds = 1U << LMM_LEDGER_MODULES | 1U << LMM_LEDGER_STRINGS;
    struct lmm_module_watch *watch = calloc(1, sizeof(*watch));

    if (watch != NULL && !lmm_chunk_watch_open(path, kinds, &watch->chunks)) {
        free(watch);
        return NULL;
    }
    return watch;
}

void lmm_module_watch_close(struct lmm_module_watch *watch)
{
    if (watch != NULL) {
        lmm_chunk_watch_close(&watch->chunks);
        free(watch);
    }
}
