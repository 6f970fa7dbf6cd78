/* SPDX-License-Identifier: MIT */
/*
 * process_history: the timeline of one process, filled from its ledger (counter_watch.h) and from what
 * the kernel counts (process_stat.h). Nothing is asked of the process. Marks for what the ledger tells:
 * processes that it started, marks, leak checks; and at its end the peak and the exit.
 *
 * Times are counted from the ledger's start_time_ns. Samples use a clock that nobody sets; what the
 * ledger tells has the time of day.
 *
 * Locks: none. Not responsible for when a sample is taken, nor for finding ledgers.
 */
#ifndef LMM_PROGRAM_PROCESS_HISTORY_H
#define LMM_PROGRAM_PROCESS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/history/timeline.h"

struct lmm_ledger_header;
struct lmm_model;
struct lmm_process_history;

enum lmm_sampling {
    LMM_SAMPLING_DONE,   /* the next one may follow */
    LMM_SAMPLING_ENDED,  /* done, as far as was possible, and there will be no more: the process has
                           ended, or no longer writes this ledger */
    LMM_SAMPLING_FAILED, /* the ledger cannot be read, or memory ran out */
};

/* Opens the ledger at path; limits: as for lmm_timeline_new(). starts_empty: the process started with
 * no live block, so that the timeline has a point of that (a forked child has its parent's blocks).
 * Returns a history without samples, to be freed with lmm_process_history_free(); NULL: the ledger
 * cannot be used, is of version 1, or memory ran out. */
struct lmm_process_history *lmm_process_history_open(const char *path,
                                                     const struct lmm_timeline_limits *limits,
                                                     bool starts_empty);

/* Adds a point, and marks for what is new. Cost: that of lmm_counter_watch_read(). */
enum lmm_sampling lmm_process_history_sample(struct lmm_process_history *history);

/*
 * Completes a timeline by the last figures of the process: adds a point of them at their time, one of
 * the peak at its time, and marks for what is new, for the peak, and for the exit. model: of the same
 * ledger, with all its sites. end_time_ns: CLOCK_REALTIME of the figures. exit: how the process ended,
 * in a few words; NULL: it still runs. Returns false when memory ran out.
 */
bool lmm_process_history_end(struct lmm_process_history *history, const struct lmm_model *model,
                             uint64_t end_time_ns, const char *exit);

/* Returns the timeline, which lives as long as the history. A caller may add marks. */
struct lmm_timeline *lmm_process_history_timeline(const struct lmm_process_history *history);

/* Returns the ledger's header, as at the last sample. */
const struct lmm_ledger_header *
lmm_process_history_header(const struct lmm_process_history *history);

/* Whether the ledger is the file with these numbers: exec puts a new one in its place. */
bool lmm_process_history_is_file(const struct lmm_process_history *history, uint64_t device,
                                 uint64_t inode);

/* Closes the files, so that only the timeline is left: no sample can be taken, and the end brings no
 * new marks. */
void lmm_process_history_close_files(struct lmm_process_history *history);

/* history may be NULL. */
void lmm_process_history_free(struct lmm_process_history *history);

#endif
