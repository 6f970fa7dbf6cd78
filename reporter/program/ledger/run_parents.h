/* SPDX-License-Identifier: MIT */
/* run_parents: the directories in which `lmm run` makes its own (run_folder.h, last_runs.h): $LMM_DIR
 * if that is set, else /dev/shm, $TMPDIR and /tmp. Stateless. */
#ifndef LMM_PROGRAM_RUN_PARENTS_H
#define LMM_PROGRAM_RUN_PARENTS_H

#include <stddef.h>

enum {
    LMM_RUN_PARENTS_MAX = 3,
};

/* Sets parents to the directories to try, in order; returns how many there are. */
size_t lmm_run_parents(const char *parents[LMM_RUN_PARENTS_MAX]);

/* Calls look(context, path) for each file in parent whose name starts with prefix, of any user. */
void lmm_run_parents_look(const char *parent, const char *prefix,
                          void (*look)(void *context, const char *path), void *context);

/* The same for all parents. */
void lmm_run_parents_find(const char *prefix, void (*look)(void *context, const char *path),
                          void *context);

#endif
