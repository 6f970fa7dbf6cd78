/* SPDX-License-Identifier: MIT */
/*
 * top_source: the process that `lmm top` watches: the last good reading of its ledger, and its
 * state. A reading that fails changes only `trouble`, so the figures stay on the screen, and the
 * next reading tries again.
 *
 * Invariants (checked by tests/unit/top/test_top_state.c):
 *   I1  snapshot is the last reading that was added to the history; NULL before the first
 *   I2  trouble is empty if and only if the last reading succeeded
 *
 * Nothing is written to stderr, because it is the screen.
 */
#ifndef LMM_PROGRAM_TOP_SOURCE_H
#define LMM_PROGRAM_TOP_SOURCE_H

#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/liveness.h"

struct lmm_select;
struct lmm_snapshot;
struct lmm_symbols;
struct lmm_top_history;

struct lmm_top_source {
    char *path;                      /* owned */
    const struct lmm_select *select; /* --type; NULL: all types */
    struct lmm_snapshot *snapshot;
    struct lmm_symbols *symbols;
    char *
        note_of; /* these two: the file that most bytes lack lines of, and what is said of it; NULL: none */
    char *note; /* for all readings; NULL: no names were looked up */
    enum lmm_process_state state;
    bool gone;       /* the file of the ledger no longer exists */
    bool known_age;  /* false: it had ended before the first reading, and the time is not known */
    uint64_t age_ns; /* the time that it has run */
    uint64_t resident_bytes;   /* of the process, as the kernel counts; 0: unknown */
    uint64_t read_ns;          /* when snapshot was taken; the caller's clock */
    struct lmm_reason trouble; /* why the last reading failed; empty: it succeeded */
};

/* Reads the ledger and, when that succeeds, adds it to history. now_ns: CLOCK_MONOTONIC. Returns
 * whether it succeeded. Cost: a copy of the ledger. */
bool lmm_top_source_read(struct lmm_top_source *source, struct lmm_top_history *history,
                         uint64_t now_ns);

/* Frees the snapshot, the symbols and path. The history must be closed first, or not be used
 * again. */
void lmm_top_source_close(struct lmm_top_source *source);

/* Returns the state of the process in a few words, for example "live". */
const char *lmm_top_source_words(const struct lmm_top_source *source);

/* Returns whether the process is running and writes its ledger, as far as is known. */
bool lmm_top_source_is_live(const struct lmm_top_source *source);

#endif
