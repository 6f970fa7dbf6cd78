/* SPDX-License-Identifier: MIT */
/*
 * history_store: figures over time in a file (SQLite), so that a server that is started later has them. A point every ten seconds is kept for
 * an hour, one a minute for a week; the file is bounded by LMM_STORE_BYTES_MAX.
 *
 * A point has the totals and the live bytes of the sites, those of the largest LMM_STORE_SITES; the others together count as one site that no
 * ledger has.
 *
 * Locks: SQLite's own; two servers may share a file. What is in it was written by this user's servers, but is checked like a
 * ledger: a damaged file gives fewer points.
 */
#ifndef LMM_PROGRAM_HISTORY_STORE_H
#define LMM_PROGRAM_HISTORY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_history_store;
struct lmm_process_id;
struct lmm_timeline;

enum {
    LMM_STORE_SECONDS = 10, /* between two points */
    LMM_STORE_SITES = 1000,
    LMM_STORE_BYTES_MAX = 256 << 20,
};

/* Opens the file in a folder; both are made, for this user alone, where they do not exist. NULL after a message on stderr. */
struct lmm_history_store *lmm_history_store_open(const char *folder);

/* store may be NULL. */
void lmm_history_store_close(struct lmm_history_store *store);

/* Adds the points of a process, older than those that the timeline will have, to its empty timeline. */
void lmm_history_store_load(struct lmm_history_store *store, const struct lmm_process_id *id,
                            struct lmm_timeline *timeline);

/* Writes the last point of a process, if it is new. */
void lmm_history_store_add(struct lmm_history_store *store, const struct lmm_process_id *id,
                           const struct lmm_timeline *timeline);

/* These two stand around what is written at once; lmm_history_store_end() also removes what is old. */
void lmm_history_store_begin(struct lmm_history_store *store);
void lmm_history_store_end(struct lmm_history_store *store);

#endif
