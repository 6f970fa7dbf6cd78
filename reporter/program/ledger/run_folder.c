/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/run_folder.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "reporter/program/base/program.h"
#include "reporter/program/base/array.h"
#include "reporter/program/ledger/last_runs.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/liveness.h"
#include "reporter/program/ledger/run_parents.h"

/* ---- One folder ------------------------------------------------------------------------------ */

/* Returns the path of a new directory in parent, or NULL and errno. */
static char *make_in(const char *parent)
{
    char *real = realpath(parent, NULL);
    char *path = NULL;

    if (real == NULL || asprintf(&path, "%s/" LMM_RUN_FOLDER_PREFIX "XXXXXX", real) < 0) {
        path = NULL;
    } else if (mkdtemp(path) == NULL) {
        int error = errno;

        free(path);
        path = NULL;
        errno = error;
    }
    free(real);
    return path;
}

/* Makes the file for started processes. */
static bool make_starts(struct lmm_run_folder *folder)
{
    char *path = NULL;

    if (asprintf(&path, "%s/" LMM_RUN_FOLDER_STARTS, folder->path) < 0 || path == NULL) {
        return false;
    }
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    folder->starts = path;
    return file >= 0 && close(file) == 0;
}

bool lmm_run_folder_make(struct lmm_run_folder *ret_folder)
{
    const char *parents[LMM_RUN_PARENTS_MAX];
    size_t count = lmm_run_parents(parents);
    struct lmm_run_folder folder = {NULL, NULL, -1};

    for (size_t i = 0; i < count && folder.path == NULL; i++) {
        folder.path = make_in(parents[i]);
        if (folder.path == NULL && i + 1 == count) {
            lmm_complain("cannot create a ledger directory in %s: %s", parents[i], strerror(errno));
            return false;
        }
    }
    assert(folder.path != NULL); /* there is at least one parent */
    folder.descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder.descriptor < 0 || flock(folder.descriptor, LOCK_SH) != 0 || !make_starts(&folder)) {
        lmm_complain("%s: %s", folder.path, strerror(errno));
        lmm_run_folder_end(&folder, false, false);
        return false;
    }
    *ret_folder = folder;
    return true;
}

/* Adds "folder/name" to the paths; adds nothing if memory runs out. */
static void add_path(char ***paths, size_t *count, const char *folder, const char *name)
{
    char **path = lmm_array_add(paths, count, sizeof(*path));

    if (path != NULL && asprintf(path, "%s/%s", folder, name) < 0) {
        --*count;
    }
}

char **lmm_run_folder_list(const struct lmm_run_folder *folder, size_t *ret_count)
{
    DIR *directory = opendir(folder->path);
    const struct dirent *entry;
    char **paths = NULL;

    *ret_count = 0;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (lmm_ledger_file_has_suffix(entry->d_name)) {
            add_path(&paths, ret_count, folder->path, entry->d_name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return paths;
}

/* What the files of a directory are. */
struct contents {
    size_t ended; /* ledgers of processes that ended */
    size_t running;
};

/* Counts a file of a folder if it is a ledger. */
static void count_file(const char *folder, const char *name, struct contents *contents)
{
    struct lmm_ledger_file file;
    struct lmm_reason reason;
    char *path = NULL;

    if (!lmm_ledger_file_has_suffix(name) || asprintf(&path, "%s/%s", folder, name) < 0) {
        return;
    }
    if (lmm_ledger_file_open(path, &file, &reason)) {
        bool runs = lmm_process_runs(lmm_process_state(&file.header, file.device, file.inode));

        contents->running += runs;
        contents->ended += !runs;
        lmm_ledger_file_close(&file);
    }
    free(path);
}

/* Looks at the files of a folder, and removes those that are no ledgers, and with all also the
 * ledgers of ended processes. */
static struct contents clear(const struct lmm_run_folder *folder, bool all)
{
    int copy = openat(folder->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    struct contents contents = {0, 0};
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct contents one = {0, 0};

        count_file(folder->path, entry->d_name, &one);
        if (one.running == 0 && (all || one.ended == 0)) {
            unlinkat(folder->descriptor, entry->d_name, 0);
        }
        contents.running += one.running;
        contents.ended += one.ended;
    }
    if (directory != NULL) {
        closedir(directory);
    } else if (copy >= 0) {
        close(copy);
    }
    return contents;
}

/* Keeps the ledgers as those of one of the last runs, unless a process still writes one; else
 * removes those of ended processes. Returns whether the directory has another name now. */
static bool end_ledgers(const struct lmm_run_folder *folder, bool is_awaited)
{
    struct contents contents = clear(folder, false);

    if (contents.running == 0 && contents.ended > 0 && !is_awaited &&
        lmm_last_runs_keep(folder->path)) {
        return true;
    }
    clear(folder, true);
    return false;
}

void lmm_run_folder_end(struct lmm_run_folder *folder, bool keep, bool is_awaited)
{
    bool is_gone = false;

    assert(folder->path != NULL);
    if (folder->starts != NULL) {
        unlink(folder->starts);
    }
    if (!keep && folder->descriptor >= 0) {
        is_gone = end_ledgers(folder, is_awaited);
    }
    if (!is_awaited && !is_gone) {
        rmdir(folder->path); /* fails if a daemon keeps a ledger there: then the directory stays */
    }
    if (folder->descriptor >= 0) {
        close(folder->descriptor);
    }
    free(folder->path);
    free(folder->starts);
    *folder = (struct lmm_run_folder) {NULL, NULL, -1};
}

/* ---- All folders ----------------------------------------------------------------------------- */

void lmm_run_folders_find(void (*look)(void *context, const char *path), void *context)
{
    lmm_run_parents_find(LMM_RUN_FOLDER_PREFIX, look, context);
}

static bool is_run_folder(const char *path)
{
    const char *name = strrchr(path, '/');

    name = name == NULL ? path : name + 1;
    return strncmp(name, LMM_RUN_FOLDER_PREFIX, strlen(LMM_RUN_FOLDER_PREFIX)) == 0;
}

static bool is_locked(const char *folder)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is = descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0;

    if (descriptor >= 0) {
        close(descriptor);
    }
    return is;
}

bool lmm_run_folder_is_idle(const char *path)
{
    return is_run_folder(path) && !is_locked(path);
}

/* Returns the directory of the file at path, to be freed, if `lmm run` made it; else NULL. */
static char *folder_of(const char *path)
{
    const char *end = strrchr(path, '/');
    char *folder = end == NULL ? NULL : strndup(path, (size_t) (end - path));

    if (folder != NULL && is_run_folder(folder)) {
        return folder;
    }
    free(folder);
    return NULL;
}

bool lmm_run_folder_is_busy(const char *path)
{
    char *folder = folder_of(path);
    bool is_busy = folder != NULL && is_locked(folder);

    free(folder);
    return is_busy;
}

void lmm_run_folder_tidy(const char *path)
{
    char *folder = folder_of(path);
    char *starts = NULL;

    if (folder != NULL && asprintf(&starts, "%s/" LMM_RUN_FOLDER_STARTS, folder) >= 0) {
        unlink(starts); /* it was for the lmm run that is gone */
        free(starts);
        rmdir(folder);
    }
    free(folder);
}
