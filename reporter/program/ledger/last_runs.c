/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/last_runs.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/array.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/run_parents.h"

#define PREFIX "lmm-last-"

enum {
    RANDOM_BYTES = 6,  /* those that mkdtemp(3) chooses */
    BLOCK_BYTES = 512, /* the unit of st_blocks */
};

/* ---- One run --------------------------------------------------------------------------------- */

struct run {
    char *path;
    uint64_t ended_ns;
    size_t ledgers;
    uint64_t bytes; /* of memory or disk */
};

struct runs {
    struct run *runs;
    size_t count;
};

/* Calls look() for each file of a run. */
static void each_file(const char *folder,
                      void (*look)(void *context, int directory, const char *name), void *context)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            look(context, dirfd(directory), entry->d_name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

static void add_size(void *context, int directory, const char *name)
{
    struct run *run = context;
    struct stat status;

    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        run->ledgers++;
        run->bytes += (uint64_t) status.st_blocks * BLOCK_BYTES;
    }
}

static void add_run(void *context, const char *path)
{
    struct runs *runs = context;
    struct stat status;

    if (lstat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
        return;
    }
    struct run *run = lmm_array_add(&runs->runs, &runs->count, sizeof(*run));

    if (run != NULL) {
        *run = (struct run) {.path = strdup(path), .ended_ns = lmm_timespec_ns(status.st_mtim)};
        runs->count -= run->path == NULL;
    }
    if (run != NULL && run->path != NULL) {
        each_file(path, add_size, run);
    }
}

static void remove_file(void *context, int directory, const char *name)
{
    (void) context;
    unlinkat(directory, name, 0);
}

static void remove_run(const struct run *run)
{
    each_file(run->path, remove_file, NULL);
    rmdir(run->path);
}

/* ---- All runs -------------------------------------------------------------------------------- */

/* The newest first. */
static int compare_runs(const void *left, const void *right)
{
    const struct run *a = left;
    const struct run *b = right;

    return (a->ended_ns < b->ended_ns) - (a->ended_ns > b->ended_ns);
}

static void sort(struct runs *runs)
{
    if (runs->count > 1) {
        qsort(runs->runs, runs->count, sizeof(*runs->runs), compare_runs);
    }
}

static void free_runs(struct runs *runs)
{
    for (size_t i = 0; i < runs->count; i++) {
        free(runs->runs[i].path);
    }
    free(runs->runs);
}

static void prune(const char *parent)
{
    struct runs runs = {NULL, 0};
    uint64_t bytes = 0;

    lmm_run_parents_look(parent, PREFIX, add_run, &runs);
    sort(&runs);
    for (size_t i = 0; i < runs.count; i++) {
        bytes += runs.runs[i].bytes;
        if (i >= LMM_LAST_RUNS || bytes > LMM_LAST_RUNS_BYTES) {
            remove_run(&runs.runs[i]);
        }
    }
    free_runs(&runs);
}

bool lmm_last_runs_keep(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    size_t bytes = strlen(folder);
    char *parent = strndup(folder, slash == NULL ? 0 : (size_t) (slash - folder));
    char *kept = NULL;
    bool renamed = false;

    assert(slash != NULL && bytes > RANDOM_BYTES);
    if (parent != NULL &&
        asprintf(&kept, "%s/" PREFIX "%s", parent, folder + bytes - RANDOM_BYTES) >= 0) {
        renamed = utimensat(AT_FDCWD, folder, NULL, 0) == 0 && rename(folder, kept) == 0;
        free(kept);
    }
    if (renamed) {
        prune(parent);
    }
    free(parent);
    return renamed;
}

/* ---- Finding --------------------------------------------------------------------------------- */

struct oldest {
    const char *folder;
    char *path;
    uint64_t start_time_ns;
};

/* A program starts before its children do. */
static void take_older(void *context, int directory, const char *name)
{
    struct oldest *oldest = context;
    struct lmm_ledger_file file;
    struct lmm_reason reason;
    char *path = NULL;

    (void) directory;
    if (!lmm_ledger_file_has_suffix(name) || asprintf(&path, "%s/%s", oldest->folder, name) < 0) {
        return;
    }
    if (lmm_ledger_file_open(path, &file, &reason)) {
        if (oldest->path == NULL || file.header.start_time_ns < oldest->start_time_ns) {
            char *before = oldest->path;

            oldest->start_time_ns = file.header.start_time_ns;
            oldest->path = path;
            path = before;
        }
        lmm_ledger_file_close(&file);
    }
    free(path);
}

char *lmm_last_runs_find(size_t age)
{
    struct runs runs = {NULL, 0};
    char *path = NULL;

    lmm_run_parents_find(PREFIX, add_run, &runs);
    sort(&runs);
    for (size_t i = 0; i < runs.count && path == NULL; i++) {
        struct oldest oldest = {.folder = runs.runs[i].path};

        each_file(runs.runs[i].path, take_older, &oldest);
        if (oldest.path != NULL && age > 0) {
            free(oldest.path);
            age--;
        } else {
            path = oldest.path;
        }
    }
    free_runs(&runs);
    return path;
}

void lmm_last_runs_sweep(uint64_t age_ns, bool dry_run, size_t *ret_ledgers, uint64_t *ret_bytes)
{
    struct runs runs = {NULL, 0};
    uint64_t now_ns = lmm_clock_ns(CLOCK_REALTIME);

    lmm_run_parents_find(PREFIX, add_run, &runs);
    for (size_t i = 0; i < runs.count; i++) {
        const struct run *run = &runs.runs[i];

        if (run->ended_ns <= now_ns && now_ns - run->ended_ns >= age_ns) {
            *ret_ledgers += run->ledgers;
            *ret_bytes += run->bytes;
            if (!dry_run) {
                remove_run(run);
            }
        }
    }
    free_runs(&runs);
}
