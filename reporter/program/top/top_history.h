/* SPDX-License-Identifier: MIT */
/*
 * top_history: what `lmm top` remembers from one reading of a ledger to the next: the counts of the
 * last reading, so that there are rates; those of the marked one, so that there are differences;
 * and the last few live bytes of each family, for its sparkline.
 *
 * Families are known again by name and size, sites by their id. What a reading no longer shows is
 * forgotten; what is new counted nothing before.
 *
 * Invariants:
 *   I1  family[] is in the order of name and size, one item for each family of the last model
 *   I2  a family keeps its serial number as long as it is remembered; no other family ever gets it
 *   I3  site_track[] has an item for every id below site_limit, so for every site of the last model
 *   I4  rates are per second of the time that passed, whatever the delay was meant to be; there are
 *       none (rated is false) before the second reading, and they are 0 once nothing happens any
 *       more
 *
 * Locks: none. Time is the caller's (nanoseconds that never go back), so that tests can set it.
 * Not responsible for the models, which the caller keeps (see lmm_top_history_add()).
 */
#ifndef LMM_PROGRAM_TOP_HISTORY_H
#define LMM_PROGRAM_TOP_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_family;

enum {
    LMM_TOP_SAMPLES = 32, /* live bytes remembered of each family */
};

/* What is counted of a family, a site or everything; of a site only the first four. */
struct lmm_top_counts {
    uint64_t allocations;
    uint64_t frees;
    uint64_t live_blocks;
    uint64_t live_bytes;
    uint64_t slots;
    uint64_t pages;
    uint64_t mapped_bytes;
    uint64_t committed_bytes;
};

struct lmm_top_track {
    struct lmm_top_counts now;
    struct lmm_top_counts mark; /* at the marked reading; 0 where there was nothing yet */
    uint64_t allocation_rate;   /* per second */
    uint64_t free_rate;
};

struct lmm_top_family {
    const struct lmm_model_family *family;
    uint64_t serial;
    struct lmm_top_track track;
    uint64_t live_bytes[LMM_TOP_SAMPLES]; /* oldest first */
    size_t samples;
};

struct lmm_top_history {
    struct lmm_top_track total;
    struct lmm_top_family *family;
    size_t family_count;
    struct lmm_top_track *site_track;
    size_t site_limit;
    uint64_t next_serial;
    uint64_t readings;
    uint64_t time_ns; /* of the last reading */
    uint64_t mark_time_ns;
    bool rated;
    bool marked;
};

/* Starts with nothing remembered: *history is all zeroes. Forget it with lmm_top_history_close().
 */
void lmm_top_history_close(struct lmm_top_history *history);

/*
 * Takes in a reading made at time_ns. The model of the reading before must still be there, and may
 * go afterwards; model must stay until the next call. Returns false when there is no memory:
 * nothing has changed then. Cost: sorts the families; linear in the sites.
 */
bool lmm_top_history_add(struct lmm_top_history *history, const struct lmm_model *model,
                         uint64_t time_ns);

/* Says that the figures will not change any more: all rates are 0. */
void lmm_top_history_stop(struct lmm_top_history *history);

/* Marks the last reading, or forgets the mark. */
void lmm_top_history_mark(struct lmm_top_history *history, bool marked);

/* Returns the family with a serial number, or NULL. */
const struct lmm_top_family *lmm_top_history_find(const struct lmm_top_history *history,
                                                  uint64_t serial);

/* Returns how many of a second's there are when count happened in elapsed_ns (0 counts as 1 ms). */
uint64_t lmm_top_rate(uint64_t count, uint64_t elapsed_ns);

#endif
