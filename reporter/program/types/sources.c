/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/sources.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

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

/* Reads a whole file; returns NULL when it is not regular, too large, or cannot be read. */
static char *read_all(int descriptor, struct stat *status, size_t *ret_bytes)
{
    if (fstat(descriptor, status) != 0 || !S_ISREG(status->st_mode) ||
        status->st_size > SOURCE_BYTES_MAX) {
        return NULL;
    }
    size_t size = (size_t) status->st_size;
    char *text = malloc(size + 1);
    size_t done = 0;

    while (text != NULL && done < size) {
        ssize_t got = read(descriptor, text + done, size - done);

        if (got <= 0) {
            break;
        }
        done += (size_t) got;
    }
    *ret_bytes = done;
    return text;
}

static void load(struct source *source)
{
    struct stat status = {.st_size = 0};
    int descriptor = source->path[0] == '/'
                         ? open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                         : -1;

    if (descriptor < 0) {
        return;
    }
    source->text = read_all(descriptor, &status, &source->bytes);
    source->changed_ns = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
    close(descriptor);
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
