/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/sources.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/program/base/array.h"
#include "reporter/program/base/regular_file.h"

enum {
    SOURCE_BYTES_MAX = 8 << 20,
    PART_LINES = 256, /* between lines whose places are kept */
};

struct source {
    UT_hash_handle hh;
    char *text; /* NULL: it cannot be used */
    size_t bytes;
    uint32_t *starts; /* where lines 1, 1 + PART_LINES and so on start; NULL: unknown */
    size_t start_count;
    int64_t changed_ns;
    char path[];
};

struct lmm_sources {
    struct source *items;
};

static void free_source(struct source *source)
{
    free(source->text);
    free(source->starts);
    free(source);
}

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

        free_source(source);
        source = next;
    }
    free(sources);
}

/* Keeps where each PART_LINES-th line starts; without memory for them all parts start at the first line. */
static void keep_starts(struct source *source)
{
    uint32_t line = 0;

    for (size_t at = 0; source->text != NULL && at < source->bytes; line++) {
        if (line % PART_LINES == 0) {
            uint32_t *added =
                lmm_array_add(&source->starts, &source->start_count, sizeof(*source->starts));

            if (added == NULL) {
                return;
            }
            *added = (uint32_t) at;
        }
        const char *newline = memchr(source->text + at, '\n', source->bytes - at);

        at = newline == NULL ? source->bytes : (size_t) (newline + 1 - source->text);
    }
}

static void load(struct source *source)
{
    struct stat status = {.st_size = 0};

    if (source->path[0] == '/') {
        source->text =
            lmm_regular_file_read(source->path, 0, SOURCE_BYTES_MAX, &status, &source->bytes);
        source->changed_ns = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
        keep_starts(source);
    }
}

static struct lmm_string text_of(const struct source *source, int64_t built_ns)
{
    bool is_usable = source != NULL && source->text != NULL && source->changed_ns <= built_ns;

    return is_usable ? (struct lmm_string) {source->text, source->bytes}
                     : (struct lmm_string) {NULL, 0};
}

/* Returns the source of a path; NULL: out of memory. */
static const struct source *find(struct lmm_sources *sources, const char *path)
{
    size_t length = strlen(path);
    struct source *source;

    HASH_FIND(hh, sources->items, path, length, source);
    if (source == NULL) {
        source = calloc(1, sizeof(*source) + length + 1);
        if (source == NULL) {
            return NULL;
        }
        memcpy(source->path, path, length);
        load(source);
        HASH_ADD(hh, sources->items, path, length, source);
        if (source->hh.tbl == NULL) {
            free_source(source);
            return NULL;
        }
    }
    return source;
}

struct lmm_string lmm_sources_read(struct lmm_sources *sources, const char *path, int64_t built_ns,
                                   uint32_t *line)
{
    const struct source *source = find(sources, path);
    struct lmm_string text = text_of(source, built_ns);
    size_t part =
        *line > LMM_SOURCE_LINES_BEFORE ? (*line - 1 - LMM_SOURCE_LINES_BEFORE) / PART_LINES : 0;

    if (text.text == NULL || source->start_count == 0) {
        return text;
    }
    part = part < source->start_count ? part : source->start_count - 1;
    *line -= (uint32_t) part * PART_LINES;
    return (struct lmm_string) {text.text + source->starts[part],
                                text.bytes - source->starts[part]};
}
