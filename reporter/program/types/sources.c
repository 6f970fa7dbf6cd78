/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/sources.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/program/base/regular_file.h"

enum {
    SOURCE_BYTES_MAX = 8 << 20,
};

struct source {
    UT_hash_handle hh;
    char *text; /* NULL: it cannot be used */
    size_t bytes;
    int64_t changed_ns;
    char path[];
};

struct lmm_sources {
    struct source *items;
};

struct lmm_sources *lmm_sources_new(void)
{
    return calloc(1, sizeof(struct lmm_sources));
}

void lmm_sources_free(struct lmm_sources *sources)
{
    if (sources == NULL) {
        return;
    }
    struct source *source = sources->items;

    HASH_CLEAR(hh, sources->items); /* the items stay linked to each other */
    while (source != NULL) {
        struct source *next = source->hh.next;

        free(source->text);
        free(source);
        source = next;
    }
    free(sources);
}

static void load(struct source *source)
{
    struct stat status = {.st_size = 0};

    if (source->path[0] == '/') {
        source->text =
            lmm_regular_file_read(source->path, 0, SOURCE_BYTES_MAX, &status, &source->bytes);
        source->changed_ns = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
    }
}

struct lmm_string lmm_sources_read(struct lmm_sources *sources, const char *path, int64_t built_ns)
{
    size_t length = strlen(path);
    struct source *source;

    HASH_FIND(hh, sources->items, path, length, source);
    if (source == NULL) {
        source = calloc(1, sizeof(*source) + length + 1);
        if (source == NULL) {
            return (struct lmm_string) {NULL, 0};
        }
        memcpy(source->path, path, length);
        load(source);
        HASH_ADD(hh, sources->items, path, length, source);
        if (source->hh.tbl == NULL) {
            free(source->text);
            free(source);
            return (struct lmm_string) {NULL, 0};
        }
    }
    return source->text != NULL && source->changed_ns <= built_ns
               ? (struct lmm_string) {source->text, source->bytes}
               : (struct lmm_string) {NULL, 0};
}
