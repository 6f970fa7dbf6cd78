/* SPDX-License-Identifier: MIT */
/*
 * last_runs: the ledgers of this user's last runs of `lmm run`, kept after their reports so that
 * other reports can be made of them: directories lmm-last-XXXXXX beside those of runs that still run
 * (run_folder.h).
 *
 * Invariants:
 *   I1  after a run, at most LMM_LAST_RUNS are kept in a directory, with at most LMM_LAST_RUNS_BYTES
 *       together; the newest ones stay
 *   I2  only directories of this user are read or removed, no links
 */
#ifndef LMM_PROGRAM_LAST_RUNS_H
#define LMM_PROGRAM_LAST_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_LAST_RUNS = 5,
    LMM_LAST_RUNS_BYTES = 128 << 20, /* of memory, where the directory is /dev/shm */
};

/* Keeps the directory of a run, which holds ledgers of ended processes and nothing else, under
 * another name, and removes runs beyond the bounds. Returns false if it could not be renamed. */
bool lmm_last_runs_keep(const char *folder);

/* Returns the path of a run's ledger, that of the program and not of its children, to be freed; NULL: there
 * is none. age: 0 for the newest run that has one, 1 for the one before it, and so on. */
char *lmm_last_runs_find(size_t age);

/* Removes the runs that are at least so old; with dry_run only counts them. Adds to *ret_ledgers and
 * *ret_bytes. */
void lmm_last_runs_sweep(uint64_t age_ns, bool dry_run, size_t *ret_ledgers, uint64_t *ret_bytes);

#endif
