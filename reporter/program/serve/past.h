/* SPDX-License-Identifier: MIT */
/*
 * past: what a server keeps on disk of the processes that it observes, for a later look: figures over time (history_store.h) and
 * copies of ledgers (ledger_copies.h). A copy is made once a minute while the process runs and changes, and at its end.
 *
 * Everywhere a past of NULL is none.
 */
#ifndef LMM_PROGRAM_PAST_H
#define LMM_PROGRAM_PAST_H

#include <stddef.h>
#include <stdint.h>

#include "reporter/program/serve/ledger_copies.h"

struct lmm_observed;
struct lmm_past;
struct lmm_snapshot;

/* Opens the folder; NULL after a message on stderr. */
struct lmm_past *lmm_past_open(const char *folder);
void lmm_past_close(struct lmm_past *past);

/* Gives a new process the figures over time that are stored. */
void lmm_past_load(struct lmm_past *past, struct lmm_observed *observed);

/* Lists the copies of ledgers, of the newest process first; free it with lmm_copy_list_free(). */
struct lmm_copy_list lmm_past_list(struct lmm_past *past);

/* Returns a process whose ledger is gone, by its copy, which was read; NULL: it cannot be read, or the process still runs. */
struct lmm_observed *lmm_past_observe(struct lmm_past *past, const struct lmm_ledger_copy *copy);

/* Takes down that a process has ended: snapshot is its last reading. When its ledger was removed, the process is read from
 * the copy from now on. snapshot may be NULL. Does nothing while the namer has the reading. */
void lmm_past_end(struct lmm_past *past, struct lmm_observed *observed,
                  const struct lmm_snapshot *snapshot);

/* Writes the figures of those that have new ones, every ten seconds, and copies of their ledgers, and removes what is
 * old. now_ns: CLOCK_MONOTONIC; UINT64_MAX: at once. */
void lmm_past_write(struct lmm_past *past, struct lmm_observed *const *items, size_t count,
                    uint64_t now_ns);

#endif
