/* SPDX-License-Identifier: MIT */
/*
 * counter_watch: the counters of a ledger, read again and again at low cost, while its process runs:
 * live bytes of each site, and totals; without names, stacks, or a copy of the ledger. What does not
 * change (the families of sites) is read once.
 *
 * A reading is not of one moment. The counters of a thread's site are read within nanoseconds of each
 * other, so a site that allocates and frees in one thread is right to a block or two. Where one thread
 * allocates and another one frees, it may be off by what they did during the reading (about 0.1 ms for
 * 10,000 sites). The reports' own figures, by snapshot.h, are made otherwise: they read all frees
 * first, so that nothing freed is missing, and may have what was allocated meanwhile too much.
 *
 * Cost: 64 bytes are read for each site and thread; see docs/ledger-format.md.
 *
 * Locks: none; a watch belongs to one thread. Not responsible for ledgers of version 1, and for
 * whether the process lives (liveness.h, process_stat.h).
 */
#ifndef LMM_PROGRAM_COUNTER_WATCH_H
#define LMM_PROGRAM_COUNTER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/ledger/liveness.h"

struct lmm_counter_watch;
struct lmm_ledger_header;

/* What a reading gives. The numbers of events let a caller see that some are new. */
struct lmm_counter_reading {
    uint64_t live_blocks;
    uint64_t committed_bytes;
    uint64_t allocations;
    const uint64_t *site_bytes; /* live, by the ids of sites; until the next reading */
    size_t site_count;
};

/* A mark that the program, or a user, has set. */
struct lmm_counter_mark {
    uint64_t time_ns; /* CLOCK_REALTIME */
    char text[256];   /* cut where too long */
};

/* Opens a ledger; to be closed with lmm_counter_watch_close(). NULL: it cannot be used. */
struct lmm_counter_watch *lmm_counter_watch_open(const char *path);

/* Reads the counters. False: the ledger is damaged, or memory ran out; then the next reading may fail,
 * too. */
bool lmm_counter_watch_read(struct lmm_counter_watch *watch,
                            struct lmm_counter_reading *ret_reading);

/* Returns the header as it was at the last reading, or when the ledger was opened: state, started,
 * check_count, check. Texts in it are those of the opened ledger, which was checked. */
const struct lmm_ledger_header *lmm_counter_watch_header(const struct lmm_counter_watch *watch);

/* Sets *ret_mark to the next mark that was not given yet, as of now; false: there is none. */
bool lmm_counter_watch_mark(struct lmm_counter_watch *watch, struct lmm_counter_mark *ret_mark);

/* Whether the ledger is the file with these numbers: exec puts a new one in its place. */
bool lmm_counter_watch_is_file(const struct lmm_counter_watch *watch, uint64_t device,
                               uint64_t inode);

/* Returns the state of the process that keeps the ledger (liveness.h). Cost: it reads what the process has
 * mapped. */
enum lmm_process_state lmm_counter_watch_state(const struct lmm_counter_watch *watch);

/* watch may be NULL. */
void lmm_counter_watch_close(struct lmm_counter_watch *watch);

#endif
