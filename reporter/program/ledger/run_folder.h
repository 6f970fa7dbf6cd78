/* SPDX-License-Identifier: MIT */
/*
 * run_folder: the private directory in which the processes of one `lmm run` keep their ledgers:
 * lmm-run-XXXXXX, mode 0700, in the first of run_parents.h that works. discover.h searches these directories, so a process under `lmm run` is found
 * like any other.
 *
 * Invariants:
 *   I1  while the `lmm run` that made it runs, the directory is locked (flock(2)), and `lmm gc`
 *       removes nothing from it
 */
#ifndef LMM_PROGRAM_RUN_FOLDER_H
#define LMM_PROGRAM_RUN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#define LMM_RUN_FOLDER_PREFIX "lmm-run-"
#define LMM_RUN_FOLDER_STARTS "starts" /* the file in it for started processes */

struct lmm_run_folder {
    char *path;     /* absolute */
    char *starts;   /* a file in it, at first empty, for the processes that the program starts */
    int descriptor; /* holds the lock */
};

/* Makes a directory. Returns false after a message on stderr. */
bool lmm_run_folder_make(struct lmm_run_folder *ret_folder);

/* Returns the paths of the ledgers in the folder, *ret_count of them in no order; the caller frees
 * each path and the array. NULL: none, or memory ran out. */
char **lmm_run_folder_list(const struct lmm_run_folder *folder, size_t *ret_count);

/* Keeps the directory as one of the last runs (last_runs.h), or, if a process still writes a ledger
 * there, removes the other files; with keep, removes it only if it is empty; not if is_awaited,
 * because processes may yet put a ledger there. Frees the path. */
void lmm_run_folder_end(struct lmm_run_folder *folder, bool keep, bool is_awaited);

/* Calls look(context, path) for each directory that `lmm run` made, of any user. */
void lmm_run_folders_find(void (*look)(void *context, const char *path), void *context);

/* Whether the file at path is in the directory of a `lmm run` that still runs. */
bool lmm_run_folder_is_busy(const char *path);

/* Whether path is a directory that `lmm run` made, and that run has ended. */
bool lmm_run_folder_is_idle(const char *path);

/* Removes the directory of the file at path if `lmm run` made it, no longer runs, and left no other
 * ledger there. */
void lmm_run_folder_tidy(const char *path);

#endif
