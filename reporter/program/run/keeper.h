/* SPDX-License-Identifier: MIT */
/*
 * keeper: opens the files of a running program's modules as they appear in its ledgers, so that the
 * report can name functions of files that were moved, removed or replaced before it is made. The
 * program's own file is opened before it starts, and what it becomes by exec as /proc/PID/exe.
 *
 * A file that is gone less than a tenth of a second after the first allocation in it may be missed.
 */
#ifndef LMM_PROGRAM_KEEPER_H
#define LMM_PROGRAM_KEEPER_H

#include <stdint.h>
#include <sys/types.h>

struct lmm_keeper;
struct lmm_kept_files;
struct lmm_run_folder;

/* Returns a keeper for the ledgers in a folder, of a program that will be started by that name, to
 * be closed with lmm_keeper_close(); NULL: out of memory. The folder must live as long. */
struct lmm_keeper *lmm_keeper_open(const struct lmm_run_folder *folder, const char *program);

/* Looks for new modules of the program with that PID, and its children. Returns in how many
 * nanoseconds to look again. context: the keeper, may be NULL. A `look` of struct lmm_launch. */
uint64_t lmm_keeper_look(void *context, pid_t pid);

/* Returns the files, which live as long as the keeper. keeper may be NULL, and the result is then. */
const struct lmm_kept_files *lmm_keeper_files(const struct lmm_keeper *keeper);

/* keeper may be NULL. */
void lmm_keeper_close(struct lmm_keeper *keeper);

#endif
