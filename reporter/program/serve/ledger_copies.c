/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/ledger_copies.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/snapshot.h"

enum {
    PAUSE_SECONDS = 600, /* after a failure */
    BLOCK_BYTES = 512,   /* of stat's st_blocks */
};

struct lmm_ledger_copies {
    char *folder;
    uint64_t paused_until_ns; /* CLOCK_MONOTONIC */
};

/* How a process ended, as names of files have it. */
static const struct {
    const char *word;
    enum lmm_process_state state;
} endings[] = {
    {"running", LMM_PROCESS_LOST},
    {"exited", LMM_PROCESS_EXITED},
    {"killed", LMM_PROCESS_KILLED},
    {"replaced", LMM_PROCESS_REPLACED},
};

enum { ENDINGS = sizeof(endings) / sizeof(endings[0]) };

static const char *word_of(enum lmm_process_state state)
{
    for (size_t i = 1; i < ENDINGS; i++) {
        if (endings[i].state == state) {
            return endings[i].word;
        }
    }
    return state == LMM_PROCESS_LOST_ENDED ? "exited" : endings[0].word;
}

/* ---- The folder ------------------------------------------------------------------------------ */

struct lmm_ledger_copies *lmm_ledger_copies_open(const char *folder)
{
    struct lmm_ledger_copies *copies = calloc(1, sizeof(*copies));

    if (copies == NULL || asprintf(&copies->folder, "%s/ledgers", folder) < 0) {
        free(copies);
        lmm_complain("%s", strerror(ENOMEM));
        return NULL;
    }
    if (mkdir(copies->folder, 0700) != 0 && errno != EEXIST) {
        lmm_complain("%s: cannot create this folder: %s", copies->folder, strerror(errno));
        lmm_ledger_copies_close(copies);
        return NULL;
    }
    return copies;
}

void lmm_ledger_copies_close(struct lmm_ledger_copies *copies)
{
    if (copies != NULL) {
        free(copies->folder);
        free(copies);
    }
}

/* ---- The list -------------------------------------------------------------------------------- */

/* Takes the next part of a name, up to a dot. */
static bool take_part(const char **name, const char **ret_part, size_t *ret_bytes)
{
    const char *dot = strchr(*name, '.');

    if (dot == NULL) {
        return false;
    }
    *ret_part = *name;
    *ret_bytes = (size_t) (dot - *name);
    *name = dot + 1;
    return true;
}

static bool take_number(const char **name, uint64_t most, uint64_t *ret_number)
{
    const char *part;
    size_t bytes;

    return take_part(name, &part, &bytes) && lmm_decimal_parse(part, bytes, most, ret_number);
}

static bool take_ending(const char **name, enum lmm_process_state *ret_state)
{
    const char *part;
    size_t bytes;

    if (!take_part(name, &part, &bytes)) {
        return false;
    }
    for (size_t i = 0; i < ENDINGS; i++) {
        if (strlen(endings[i].word) == bytes && memcmp(endings[i].word, part, bytes) == 0) {
            *ret_state = endings[i].state;
            return true;
        }
    }
    return false;
}

static bool parse_name(const char *name, struct lmm_ledger_copy *ret_copy)
{
    uint64_t pid;

    if (!take_number(&name, UINT32_MAX, &pid) ||
        !take_number(&name, UINT64_MAX, &ret_copy->id.start_ns) ||
        !take_ending(&name, &ret_copy->state) ||
        !take_number(&name, UINT64_MAX, &ret_copy->end_ns) || strcmp(name, "lmm") != 0) {
        return false;
    }
    ret_copy->id.pid = (uint32_t) pid;
    return true;
}

static void add_copy(const struct lmm_ledger_copies *copies, const char *name,
                     struct lmm_copy_list *list)
{
    struct lmm_ledger_copy copy = {.path = NULL};
    struct lmm_ledger_copy *place;
    struct stat status;

    if (!parse_name(name, &copy) || asprintf(&copy.path, "%s/%s", copies->folder, name) < 0) {
        return;
    }
    place = lstat(copy.path, &status) == 0 && S_ISREG(status.st_mode)
                ? lmm_array_add(&list->copies, &list->count, sizeof(copy))
                : NULL;
    if (place == NULL) {
        free(copy.path);
        return;
    }
    copy.bytes = (uint64_t) status.st_blocks * BLOCK_BYTES;
    copy.written_ns =
        (uint64_t) status.st_mtim.tv_sec * LMM_NS_PER_SECOND + (uint64_t) status.st_mtim.tv_nsec;
    *place = copy;
}

/* The newest process first, and of a process the newest copy. */
static int compare_copies(const void *left, const void *right)
{
    const struct lmm_ledger_copy *a = left;
    const struct lmm_ledger_copy *b = right;
    int order = lmm_compare_u64(b->id.start_ns, a->id.start_ns);

    order = order != 0 ? order : lmm_compare_u64(b->id.pid, a->id.pid);
    return order != 0 ? order : lmm_compare_u64(b->written_ns, a->written_ns);
}

struct lmm_copy_list lmm_ledger_copies_list(const struct lmm_ledger_copies *copies)
{
    struct lmm_copy_list list = {NULL, 0};
    DIR *folder = opendir(copies->folder);

    if (folder == NULL) {
        return list;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        add_copy(copies, entry->d_name, &list);
    }
    closedir(folder);
    if (list.count > 0) {
        qsort(list.copies, list.count, sizeof(*list.copies), compare_copies);
    }
    return list;
}

void lmm_copy_list_free(struct lmm_copy_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->copies[i].path);
    }
    free(list->copies);
    *list = (struct lmm_copy_list) {NULL, 0};
}

static bool is_of(const struct lmm_ledger_copy *copy, const struct lmm_process_id *id)
{
    return copy->id.pid == id->pid && copy->id.start_ns == id->start_ns;
}

char *lmm_ledger_copies_find(const struct lmm_ledger_copies *copies,
                             const struct lmm_process_id *id)
{
    struct lmm_copy_list list = lmm_ledger_copies_list(copies);
    char *path = NULL;

    for (size_t i = 0; i < list.count && path == NULL; i++) {
        if (is_of(&list.copies[i], id)) {
            path = list.copies[i].path;
            list.copies[i].path = NULL;
        }
    }
    lmm_copy_list_free(&list);
    return path;
}

/* ---- Writing and removing -------------------------------------------------------------------- */

/* Removes the copies of the process except that at the path. */
static void remove_others(const struct lmm_copy_list *list, const struct lmm_process_id *id,
                          const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_of(&list->copies[i], id) && strcmp(list->copies[i].path, path) != 0) {
            unlink(list->copies[i].path);
        }
    }
}

/* Whether there is a copy that was made after the end of the process. */
static bool has_last(const struct lmm_copy_list *list, const struct lmm_process_id *id)
{
    bool has = false;

    for (size_t i = 0; i < list->count; i++) {
        has |= is_of(&list->copies[i], id) && list->copies[i].state != LMM_PROCESS_LOST;
    }
    return has;
}

void lmm_ledger_copies_keep(struct lmm_ledger_copies *copies, const struct lmm_ledger_copy *what,
                            const struct lmm_snapshot *snapshot)
{
    struct lmm_copy_list list = lmm_ledger_copies_list(copies);
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    char *path = NULL;

    if (snapshot->bytes > LMM_COPY_BYTES_MAX || now_ns < copies->paused_until_ns ||
        has_last(&list, &what->id) ||
        asprintf(&path, "%s/%" PRIu32 ".%" PRIu64 ".%s.%" PRIu64 ".lmm", copies->folder,
                 what->id.pid, what->id.start_ns, word_of(what->state), what->end_ns) < 0) {
        path = NULL;
    } else if (lmm_snapshot_write(snapshot, path) == LMM_EXIT_DONE) {
        remove_others(&list, &what->id, path);
    } else {
        copies->paused_until_ns = now_ns + PAUSE_SECONDS * LMM_NS_PER_SECOND;
    }
    free(path);
    lmm_copy_list_free(&list);
}

void lmm_ledger_copies_sweep(const struct lmm_ledger_copies *copies)
{
    struct lmm_copy_list list = lmm_ledger_copies_list(copies);
    uint64_t now_ns = lmm_clock_ns(CLOCK_REALTIME);
    uint64_t bytes = 0;

    for (size_t i = 0; i < list.count; i++) {
        bytes += list.copies[i].bytes;
        if (i >= LMM_COPIES_MAX || bytes > LMM_COPIES_BYTES_MAX ||
            now_ns > list.copies[i].written_ns + LMM_COPIES_SECONDS * LMM_NS_PER_SECOND) {
            unlink(list.copies[i].path);
        }
    }
    lmm_copy_list_free(&list);
}
