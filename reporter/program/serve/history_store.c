/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/history_store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/program.h"
#include "reporter/program/history/changes.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/serve/serve_route.h"
#include "reporter/program/serve/server_functions.h"

enum {
    VERSION = 1, /* of the tables, in the file's user_version */
    BUSY_MS = 200,
    SWEEP_SECONDS = 600,                 /* between two removals of what is old */
    OTHERS = LMM_TIMELINE_SITES_MAX - 1, /* the site that stands for those that are not stored */
};

struct lmm_history_store {
    sqlite3 *file;
    sqlite3_stmt *add;
    sqlite3_stmt *load;
    uint64_t swept_ns; /* CLOCK_MONOTONIC */
    bool has_complained;
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS point ("
    " pid INTEGER NOT NULL, start_ns INTEGER NOT NULL, time_ms INTEGER NOT NULL,"
    " written_s INTEGER NOT NULL, live_blocks INTEGER NOT NULL, committed_bytes INTEGER NOT NULL,"
    " allocations INTEGER NOT NULL, resident_bytes INTEGER NOT NULL,"
    " minor_faults INTEGER NOT NULL, major_faults INTEGER NOT NULL, sites BLOB NOT NULL,"
    " PRIMARY KEY (pid, start_ns, time_ms)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS point_written ON point (written_s);";

/* ---- The file -------------------------------------------------------------------------------- */

/* Says once that the file cannot be written; the server goes on without. */
static void complain(struct lmm_history_store *store)
{
    if (!store->has_complained) {
        lmm_complain("the history cannot be kept: %s", lmm_sqlite()->errmsg(store->file));
        store->has_complained = true;
    }
}

static bool run(struct lmm_history_store *store, const char *statement)
{
    bool good = lmm_sqlite()->exec(store->file, statement, NULL, NULL, NULL) == SQLITE_OK;

    if (!good) {
        complain(store);
    }
    return good;
}

/* Makes the folder, and returns whether it is this user's alone. */
static bool has_folder(const char *folder)
{
    struct stat status;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        lmm_complain("%s: cannot create this folder: %s", folder, strerror(errno));
        return false;
    }
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode)) {
        lmm_complain("%s: not a folder", folder);
        return false;
    }
    if (status.st_uid != geteuid() || (status.st_mode & 022) != 0) {
        lmm_complain("%s: the folder must be yours, and writable by you alone", folder);
        return false;
    }
    return true;
}

/* Whether the tables are of this version; a new file gets them. */
static bool has_tables(struct lmm_history_store *store, const char *path)
{
    sqlite3_stmt *query = NULL;
    int version = -1;

    if (lmm_sqlite()->prepare_v2(store->file, "PRAGMA user_version", -1, &query, NULL) ==
            SQLITE_OK &&
        lmm_sqlite()->step(query) == SQLITE_ROW) {
        version = lmm_sqlite()->column_int(query, 0);
    }
    lmm_sqlite()->finalize(query);
    if (version != 0 && version != VERSION) {
        lmm_complain("%s: not a history that this version of lmm can read", path);
        return false;
    }
    return run(store, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;") &&
           run(store, schema) && run(store, "PRAGMA user_version=1");
}

static bool prepare(struct lmm_history_store *store)
{
    static const char add[] =
        "INSERT OR IGNORE INTO point VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    static const char load[] =
        "SELECT time_ms, live_blocks, committed_bytes, allocations, resident_bytes, minor_faults,"
        " major_faults, sites FROM point WHERE pid = ?1 AND start_ns = ?2 ORDER BY time_ms";

    return lmm_sqlite()->prepare_v2(store->file, add, -1, &store->add, NULL) == SQLITE_OK &&
           lmm_sqlite()->prepare_v2(store->file, load, -1, &store->load, NULL) == SQLITE_OK;
}

struct lmm_history_store *lmm_history_store_open(const char *folder)
{
    struct lmm_history_store *store = calloc(1, sizeof(*store));
    char path[4096];
    mode_t before = umask(0077);
    bool good = false;

    static_assert(VERSION == 1, "has_tables() writes it");
    if (store != NULL && has_folder(folder) &&
        snprintf(path, sizeof(path), "%s/history.db", folder) < (int) sizeof(path)) {
        good = lmm_sqlite()->open(path, &store->file) == SQLITE_OK;
        if (good) {
            lmm_sqlite()->busy_timeout(store->file, BUSY_MS);
            good = has_tables(store, path) && prepare(store);
        } else {
            lmm_complain("%s: %s", path, lmm_sqlite()->errmsg(store->file));
        }
    }
    umask(before);
    if (!good) {
        lmm_history_store_close(store);
        return NULL;
    }
    return store;
}

void lmm_history_store_close(struct lmm_history_store *store)
{
    if (store != NULL) {
        lmm_sqlite()->finalize(store->add);
        lmm_sqlite()->finalize(store->load);
        lmm_sqlite()->close(store->file);
        free(store);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The live bytes of sites, by their ids. */
struct sites {
    uint64_t *bytes;
    size_t count;
    size_t room;
};

static bool set_site(struct sites *sites, uint32_t site, uint64_t bytes)
{
    if (site >= sites->room) {
        size_t room = sites->room == 0 ? 1024 : sites->room;
        uint64_t *grown;

        while (room <= site) {
            room *= 2;
        }
        grown = realloc(sites->bytes, room * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        memset(grown + sites->room, 0, (room - sites->room) * sizeof(*grown));
        sites->bytes = grown;
        sites->room = room;
    }
    sites->bytes[site] = bytes;
    sites->count = site >= sites->count ? (size_t) site + 1 : sites->count;
    return true;
}

static void take_sites(struct lmm_changes list, struct sites *sites)
{
    struct lmm_change change;

    if (sites->count > 0) {
        memset(sites->bytes, 0, sites->count * sizeof(*sites->bytes));
    }
    sites->count = 0;
    while (lmm_changes_next(&list, &change) && change.site < LMM_TIMELINE_SITES_MAX) {
        if (change.by > 0 && !set_site(sites, change.site, (uint64_t) change.by)) {
            return;
        }
    }
}

static uint64_t column(sqlite3_stmt *row, int index)
{
    sqlite3_int64 number = lmm_sqlite()->column_int64(row, index);

    return number < 0 ? 0 : (uint64_t) number;
}

void lmm_history_store_load(struct lmm_history_store *store, const struct lmm_process_id *id,
                            struct lmm_timeline *timeline)
{
    struct sites sites = {.bytes = NULL};

    lmm_sqlite()->bind_int64(store->load, 1, id->pid);
    lmm_sqlite()->bind_int64(store->load, 2, (sqlite3_int64) id->start_ns);
    while (lmm_sqlite()->step(store->load) == SQLITE_ROW) {
        const struct lmm_timeline_point point = {
            .time_ns = column(store->load, 0) * LMM_NS_PER_MS,
            .live_blocks = column(store->load, 1),
            .committed_bytes = column(store->load, 2),
            .allocations = column(store->load, 3),
            .resident_bytes = column(store->load, 4),
            .minor_faults = column(store->load, 5),
            .major_faults = column(store->load, 6),
        };
        const unsigned char *list = lmm_sqlite()->column_blob(store->load, 7);
        int bytes = lmm_sqlite()->column_bytes(store->load, 7);

        take_sites(lmm_changes_of(list, list == NULL ? 0 : (size_t) bytes), &sites);
        (void) lmm_timeline_add(timeline, &point, sites.bytes, sites.count);
    }
    lmm_sqlite()->reset(store->load);
    free(sites.bytes);
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct site {
    uint32_t id;
    uint64_t bytes;
};

static int compare_bytes(const void *left, const void *right)
{
    const struct site *a = left;
    const struct site *b = right;
    int order = lmm_compare_u64(b->bytes, a->bytes);

    return order != 0 ? order : lmm_compare_u64(a->id, b->id);
}

static int compare_ids(const void *left, const void *right)
{
    return lmm_compare_u64(((const struct site *) left)->id, ((const struct site *) right)->id);
}

/* Sets the largest sites at the last point, by id, and what the others have together. Returns how many; `sites` has room for all. */
static size_t find_largest(const struct lmm_timeline *timeline, struct site *sites,
                           uint64_t *ret_others)
{
    size_t count = 0;

    for (uint32_t id = 0; id < lmm_timeline_sites(timeline); id++) {
        uint64_t bytes = lmm_timeline_site(timeline, id);

        if (bytes > 0) {
            sites[count++] = (struct site) {id, bytes};
        }
    }
    *ret_others = 0;
    if (count > LMM_STORE_SITES) {
        qsort(sites, count, sizeof(*sites), compare_bytes);
        for (size_t i = LMM_STORE_SITES; i < count; i++) {
            *ret_others += sites[i].bytes;
        }
        count = LMM_STORE_SITES;
        qsort(sites, count, sizeof(*sites), compare_ids);
    }
    return count;
}

/* Returns the list of the sites of the last point, to be freed; NULL: out of memory. */
static unsigned char *make_list(const struct lmm_timeline *timeline, size_t *ret_bytes)
{
    struct site *sites = calloc(lmm_timeline_sites(timeline) + 1, sizeof(*sites));
    unsigned char *list = malloc((LMM_STORE_SITES + 1) * (size_t) LMM_CHANGE_BYTES_MAX);
    struct lmm_changes_writer writer = {list, 0};
    uint64_t others;
    size_t count;

    if (sites == NULL || list == NULL) {
        free(sites);
        free(list);
        return NULL;
    }
    count = find_largest(timeline, sites, &others);
    for (size_t i = 0; i < count; i++) {
        lmm_changes_put(&writer, (struct lmm_change) {sites[i].id, (int64_t) sites[i].bytes});
    }
    if (others > 0 && (count == 0 || sites[count - 1].id < OTHERS)) {
        lmm_changes_put(&writer, (struct lmm_change) {OTHERS, (int64_t) others});
    }
    free(sites);
    *ret_bytes = (size_t) (writer.at - list);
    return list;
}

void lmm_history_store_add(struct lmm_history_store *store, const struct lmm_process_id *id,
                           const struct lmm_timeline *timeline)
{
    size_t count = lmm_timeline_count(timeline);
    size_t bytes = 0;
    unsigned char *list = count == 0 ? NULL : make_list(timeline, &bytes);
    const struct lmm_timeline_point *point;

    if (list == NULL) {
        return;
    }
    point = lmm_timeline_at(timeline, count - 1);
    const uint64_t numbers[] = {
        id->pid,
        id->start_ns,
        point->time_ns / LMM_NS_PER_MS,
        lmm_clock_ns(CLOCK_REALTIME) / LMM_NS_PER_SECOND,
        point->live_blocks,
        point->committed_bytes,
        point->allocations,
        point->resident_bytes,
        point->minor_faults,
        point->major_faults,
    };
    const int columns = sizeof(numbers) / sizeof(numbers[0]);

    for (int i = 0; i < columns; i++) {
        lmm_sqlite()->bind_int64(store->add, i + 1, (sqlite3_int64) numbers[i]);
    }
    lmm_sqlite()->bind_blob(store->add, columns + 1, list, (int) bytes, SQLITE_TRANSIENT);
    if (lmm_sqlite()->step(store->add) != SQLITE_DONE) {
        complain(store);
    }
    lmm_sqlite()->reset(store->add);
    free(list);
}

void lmm_history_store_begin(struct lmm_history_store *store)
{
    (void) run(store, "BEGIN");
}

/* Removes old points: all but one a minute after an hour, all after a week, and the oldest while there are too many. */
static void sweep(struct lmm_history_store *store)
{
    char statement[512];

    snprintf(statement, sizeof(statement),
             "DELETE FROM point WHERE written_s < unixepoch() - 604800;"
             "DELETE FROM point WHERE written_s < unixepoch() - 3600 AND time_ms %% 60000 >= %d;"
             "DELETE FROM point WHERE written_s < (SELECT min(written_s) + "
             "(max(written_s) - min(written_s)) / 10 FROM point) AND "
             "(SELECT (page_count - freelist_count) * page_size FROM pragma_page_count(), "
             "pragma_freelist_count(), pragma_page_size()) > %d;",
             LMM_STORE_SECONDS * 1000, LMM_STORE_BYTES_MAX);
    (void) run(store, statement);
}

void lmm_history_store_end(struct lmm_history_store *store)
{
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);

    if (store->swept_ns == 0 || now_ns >= store->swept_ns + SWEEP_SECONDS * LMM_NS_PER_SECOND) {
        store->swept_ns = now_ns;
        sweep(store);
    }
    (void) run(store, "COMMIT");
}
