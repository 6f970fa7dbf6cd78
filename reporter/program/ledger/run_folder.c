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
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/liveness.h"

enum {
    PARENTS_MAX = 3,
};

/* Sets parents to the directories to try, in order; returns how many there are. */
static size_t list_parents(const char *parents[PARENTS_MAX])
{
    const char *own = getenv("LMM_DIR");
    const char *temporary = getenv("TMPDIR");
    size_t count = 0;

    if (own != NULL && *own != '\0') {
        parents[count++] = own;
        return count;
    }
    parents[count++] = "/dev/shm";
    if (temporary != NULL && *temporary != '\0') {
        parents[count++] = temporary;
    }
    parents[count++] = "/tmp";
    return count;
}

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
    if (asprintf(&folder->starts, "%s/starts", folder->path) < 0) {
        folder->starts = NULL;
        return false;
    }
    int file = open(folder->starts, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return file >= 0 && close(file) == 0;
}

bool lmm_run_folder_make(struct lmm_run_folder *ret_folder)
{
    const char *parents[PARENTS_MAX];
    size_t count = list_parents(parents);
    struct lmm_run_folder folder = {NULL, NULL, -1};

    for (size_t i = 0; i < count && folder.path == NULL; i++) {
        folder.path = make_in(parents[i]);
        if (folder.path == NULL && i + 1 == count) {
            lmm_complain("cannot create a ledger directory in %s: %s", parents[i], strerror(errno));
            return false;
        }
    }
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

/* Whether the file is the ledger of a process that outlives the `lmm run`. */
static bool is_kept(const char *folder, const char *name)
{
    struct lmm_ledger_file file;
    struct lmm_reason reason;
    char *path = NULL;
    bool kept = false;

    if (asprintf(&path, "%s/%s", folder, name) >= 0) {
        if (lmm_ledger_file_open(path, &file, &reason)) {
            kept = lmm_process_runs(lmm_process_state(&file.header, file.device, file.inode));
            lmm_ledger_file_close(&file);
        }
        free(path);
    }
    return kept;
}

/* The directory holds only ledgers, some of them incomplete. */
static void remove_files(const char *folder, int descriptor)
{
    int copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (!is_kept(folder, entry->d_name)) {
            unlinkat(descriptor, entry->d_name, 0);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    } else if (copy >= 0) {
        close(copy);
    }
}

void lmm_run_folder_end(struct lmm_run_folder *folder, bool keep, bool is_awaited)
{
    assert(folder->path != NULL);
    if (!keep && folder->descriptor >= 0) {
        remove_files(folder->path, folder->descriptor);
    }
    if (folder->starts != NULL) {
        unlink(folder->starts);
    }
    if (!is_awaited) {
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

static void find_in(const char *parent, void (*look)(void *context, const char *path),
                    void *context)
{
    DIR *directory = opendir(parent);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char *path = NULL;

        if (strncmp(entry->d_name, LMM_RUN_FOLDER_PREFIX, strlen(LMM_RUN_FOLDER_PREFIX)) == 0 &&
            asprintf(&path, "%s/%s", parent, entry->d_name) >= 0) {
            look(context, path);
            free(path);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

void lmm_run_folders_find(void (*look)(void *context, const char *path), void *context)
{
    const char *parents[PARENTS_MAX];
    size_t count = list_parents(parents);

    for (size_t i = 0; i < count; i++) {
        bool is_again = i > 0 && strcmp(parents[i], parents[i - 1]) == 0;

        if (!is_again) {
            find_in(parents[i], look, context);
        }
    }
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

    if (folder != NULL) {
        rmdir(folder);
    }
    free(folder);
}
