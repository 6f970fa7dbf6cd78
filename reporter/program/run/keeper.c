/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/keeper.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reporter/program/base/array.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/module_watch.h"
#include "reporter/program/ledger/run_folder.h"
#include "reporter/program/run/preload.h"
#include "reporter/program/symbols/kept_files.h"

enum {
    WATCHES_MAX = 64, /* ledgers at a time, the newest */
    COST_SHARE = 50,  /* at most this part of the time is for looks */
};

static const uint64_t shortest_ns = 1000000;  /* after a look that found a module */
static const uint64_t longest_ns = 100000000; /* after many that found none */

struct ledger {
    char *path;
    struct lmm_module_watch *watch; /* NULL: its process adds no more modules */
};

struct lmm_keeper {
    const struct lmm_run_folder *folder;
    struct lmm_kept_files *kept;
    struct ledger *ledgers;
    size_t count;
    size_t watched;
    uint64_t wait_ns;
    bool has_news; /* of this look */
};

/* Keeps a file by any name: the kernel's name of a file that was moved is another one. */
static void keep_program(struct lmm_keeper *keeper, const char *source)
{
    keeper->has_news |= lmm_kept_files_add(keeper->kept, NULL, source);
}

static void keep_before_start(struct lmm_keeper *keeper, const char *program)
{
    int file = lmm_preload_open_program(program);
    char source[64];

    if (file >= 0) {
        snprintf(source, sizeof(source), "/proc/self/fd/%d", file);
        keep_program(keeper, source);
        close(file);
    }
}

struct lmm_keeper *lmm_keeper_open(const struct lmm_run_folder *folder, const char *program)
{
    struct lmm_keeper *keeper = calloc(1, sizeof(*keeper));

    if (keeper != NULL) {
        keeper->folder = folder;
        keeper->wait_ns = shortest_ns;
        keeper->kept = lmm_kept_files_new();
    }
    if (keeper != NULL && keeper->kept == NULL) {
        free(keeper);
        return NULL;
    }
    if (keeper != NULL) {
        keep_before_start(keeper, program);
    }
    return keeper;
}

static void take_module(void *context, const char *path)
{
    struct lmm_keeper *keeper = context;

    keeper->has_news |= path[0] == '/' && lmm_kept_files_add(keeper->kept, path, path);
}

/* ---- Ledgers --------------------------------------------------------------------------------- */

static void stop_watching(struct lmm_keeper *keeper, struct ledger *ledger)
{
    lmm_module_watch_close(ledger->watch);
    ledger->watch = NULL;
    keeper->watched--;
}

/* Stops watching the oldest ledger, when there are as many as may be open. */
static void make_room(struct lmm_keeper *keeper)
{
    for (size_t i = 0; keeper->watched >= WATCHES_MAX && i < keeper->count; i++) {
        if (keeper->ledgers[i].watch != NULL) {
            stop_watching(keeper, &keeper->ledgers[i]);
        }
    }
}

static bool knows(const struct lmm_keeper *keeper, const char *path)
{
    for (size_t i = 0; i < keeper->count; i++) {
        if (strcmp(keeper->ledgers[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* Adds a ledger that is new; takes the path. */
static void add_ledger(struct lmm_keeper *keeper, char *path)
{
    struct lmm_module_watch *watch = knows(keeper, path) ? NULL : lmm_module_watch_open(path);
    struct ledger *added = NULL;

    if (watch != NULL) {
        make_room(keeper);
        added = lmm_array_add(&keeper->ledgers, &keeper->count, sizeof(*added));
    }
    if (added == NULL) {
        lmm_module_watch_close(watch);
        free(path);
        return;
    }
    *added = (struct ledger) {path, watch};
    keeper->watched++;
    keeper->has_news = true;
}

static void look_for_ledgers(struct lmm_keeper *keeper)
{
    size_t count = 0;
    char **paths = lmm_run_folder_list(keeper->folder, &count);

    for (size_t i = 0; i < count; i++) {
        add_ledger(keeper, paths[i]);
    }
    free(paths);
}

uint64_t lmm_keeper_look(void *context, pid_t pid)
{
    struct lmm_keeper *keeper = context;
    uint64_t start_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    char source[64];

    if (keeper == NULL) {
        return longest_ns;
    }
    snprintf(source, sizeof(source), "/proc/%ld/exe", (long) pid);
    keeper->has_news = false;
    keep_program(keeper, source);
    look_for_ledgers(keeper);
    for (size_t i = 0; i < keeper->count; i++) {
        struct ledger *ledger = &keeper->ledgers[i];

        if (ledger->watch != NULL && !lmm_module_watch_look(ledger->watch, take_module, keeper)) {
            stop_watching(keeper, ledger);
        }
    }
    uint64_t least_ns = COST_SHARE * (lmm_clock_ns(CLOCK_MONOTONIC) - start_ns);

    keeper->wait_ns = keeper->has_news ? shortest_ns : 2 * keeper->wait_ns;
    keeper->wait_ns = keeper->wait_ns < longest_ns ? keeper->wait_ns : longest_ns;
    return keeper->wait_ns > least_ns ? keeper->wait_ns : least_ns;
}

const struct lmm_kept_files *lmm_keeper_files(const struct lmm_keeper *keeper)
{
    return keeper == NULL ? NULL : keeper->kept;
}

void lmm_keeper_close(struct lmm_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    for (size_t i = 0; i < keeper->count; i++) {
        lmm_module_watch_close(keeper->ledgers[i].watch);
        free(keeper->ledgers[i].path);
    }
    free(keeper->ledgers);
    lmm_kept_files_free(keeper->kept);
    free(keeper);
}
