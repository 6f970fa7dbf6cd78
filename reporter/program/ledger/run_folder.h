/* SPDX-License-Identifier: MIT */
/*
 * run_folder: the private directory in which the processes of one `lmm run` keep their ledgers:
 * lmm-run-XXXXXX, mode 0700, in $LMM_DIR when that is set, else in /dev/shm, $TMPDIR or /tmp, the first
 * that can be used. place.h looks into them, so a process under `lmm run` is found as any other.
 *
 * Invariants:
 *   I1  while the `lmm run` lives that made it, the directory is locked (flock(2)), and `lmm gc` leaves
 *       what is in it alone
 *
 * Locks: none of threads.
 */
#ifndef LMM_PROGRAM_RUN_FOLDER_H
#define LMM_PROGRAM_RUN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#define LMM_RUN_FOLDER_PREFIX "lmm-run-"

struct lmm_run_folder {
    char *path;     /* absolute */
    int descriptor; /* holds the lock */
};

/* Makes a directory. Returns false after one line on stderr. */
bool lmm_run_folder_make(struct lmm_run_folder *ret_folder);

/* Returns the paths of the ledgers in the folder, in no order, *ret_count of them, to be freed one by one
 * and together; NULL: none, or memory ran out. */
char **lmm_run_folder_list(const struct lmm_run_folder *folder, size_t *ret_count);

/* Removes the directory and what is in it; with keep, only if nothing is. Frees the path. */
void lmm_run_folder_end(struct lmm_run_folder *folder, bool keep);

/* Calls look(context, path) for the directories in which processes of this user's `lmm run` may keep
 * ledgers. */
void lmm_run_folders_find(void (*look)(void *context, const char *path), void *context);

/* Whether the file at path is in the directory of a `lmm run` that still lives. */
bool lmm_run_folder_is_busy(const char *path);

/* Removes the directory that the file at path was in, when it is one of `lmm run` and empty. */
void lmm_run_folder_tidy(const char *path);

#endif
