/* SPDX-License-Identifier: MIT */
/*
 * top_source: the process that `lmm top` watches: its ledger's last good reading, and what became
 * of it. A reading that fails changes nothing but `trouble`, so the figures stay on the screen, and
 * the next reading tries again.
 *
 * Invariants:
 *   I1  snapshot is the reading that the history took in last; NULL as long as none succeeded
 *   I2  trouble is empty if and only if the last reading succeeded
 *
 * Locks: none. Nothing is written to stderr: that is the screen.
 */
#ifndef LMM_PROGRAM_TOP_SOURCE_H
#define LMM_PROGRAM_TOP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/liveness.h"

struct lmm_snapshot;
struct lmm_symbols;
struct lmm_top_history;

struct lmm_top_source {
    char *path; /* owned */
    struct lmm_snapshot *snapshot;
    struct lmm_symbols *symbols; /* of all its readings; NULL: no names were looked up */
    enum lmm_process_state state;
    bool gone;      /* the ledger's file is no longer there */
    bool known_age; /* false: it was dead when first seen, and its ledger does not say since when */
    uint64_t age_ns;           /* how long it has run, or had run */
    uint64_t read_ns;          /* when snapshot was taken; the caller's clock */
    struct lmm_reason trouble; /* why the last reading failed; empty: it did not */
};

/*
 * Reads the ledger and, when that succeeds, adds it to history. now_ns: CLOCK_MONOTONIC. Returns
 * whether it succeeded. Cost: a copy of the ledger.
 */
bool lmm_top_source_read(struct lmm_top_source *source, struct lmm_top_history *history,
                         uint64_t now_ns);

/* Forgets the snapshot and frees path. The history must not be used any more, or be closed first.
 */
void lmm_top_source_close(struct lmm_top_source *source);

/* Says in a few words what became of the process, e.g. "live". */
const char *lmm_top_source_words(const struct lmm_top_source *source);

/* Returns whether the process keeps its ledger up to date, as far as is known. */
bool lmm_top_source_is_live(const struct lmm_top_source *source);

#endif
