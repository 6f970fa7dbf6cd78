/* SPDX-License-Identifier: MIT */
/*
 * top_history: the data that `lmm top` keeps from one reading of a ledger to the next: the counts
 * of the last reading, for rates; those of the marked reading, for differences; and the last live
 * bytes of each family and site, for sparklines.
 *
 * Families are identified by name and size, sites by their id. Families that are not in a reading
 * are forgotten; new ones start from 0.
 *
 * Invariants (checked by tests/unit/top/test_top_history.c; I1 and I3 also by assert):
 *   I1  family[] is in the order of name and size, one item for each family of the last model
 *   I2  a family keeps its serial number as long as it is remembered; no other family ever gets it
 *   I3  site_track[] and site_trend[] have an item for every id below site_limit, so for every site of the last
 *       model
 *   I4  rates are per second of the time that passed between two readings; there are none (rated is
 *       false) before the second reading, and they are 0 after lmm_top_history_stop()
 *
 * The caller gives the time (nanoseconds that never decrease), so that tests can set it. Not
 * responsible for the models, which the caller owns (see lmm_top_history_add()).
 */
#ifndef LMM_PROGRAM_TOP_HISTORY_H
#define LMM_PROGRAM_TOP_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_family;

enum {
    LMM_TOP_SAMPLES = 32, /* readings of live bytes kept for each family and site */
};

/* The live bytes of a site at the last readings; the same slot is the same reading for all sites. A float is exact
 * enough for a picture, and there may be 100,000 sites. */
struct lmm_top_trend {
    float live_bytes[LMM_TOP_SAMPLES];
};

/* The counts of a family, a site or the total; of a site only the first four. */
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
    struct lmm_top_counts mark; /* at the marked reading; 0 if there was no such row then */
    uint64_t allocation_rate;   /* per second */
    uint64_t free_rate;
    int64_t bytes_rate; /* these two: of the live bytes and blocks */
    int64_t blocks_rate;
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
    struct lmm_top_trend *site_trend;
    size_t trend_limit; /* at least site_limit */
    uint64_t next_serial;
    uint64_t readings;
    uint64_t time_ns; /* of the last reading */
    uint64_t mark_time_ns;
    bool rated;
    bool marked;
};

/* A history is empty when it is all zeroes. Frees it and makes it empty. */
void lmm_top_history_close(struct lmm_top_history *history);

/*
 * Adds a reading made at time_ns. The model of the reading before must live until this returns, and
 * model until the next call has returned. Returns false when memory ran out: then nothing has
 * changed. Cost: sorts the families; linear in the sites.
 */
bool lmm_top_history_add(struct lmm_top_history *history, const struct lmm_model *model,
                         uint64_t time_ns);

/* Sets all rates to 0, because the figures no longer change. */
void lmm_top_history_stop(struct lmm_top_history *history);

/* Marks the last reading, or removes the mark. */
void lmm_top_history_mark(struct lmm_top_history *history, bool marked);

/* Returns the family with a serial number, or NULL. */
const struct lmm_top_family *lmm_top_history_find(const struct lmm_top_history *history,
                                                  uint64_t serial);

/* Adds the live bytes of a site at the last readings to samples, oldest first. Returns how many readings these are;
 * a site has 0 bytes in those from before it had its id. */
size_t lmm_top_history_add_trend(const struct lmm_top_history *history, uint32_t id,
                                 uint64_t samples[LMM_TOP_SAMPLES]);

/* Returns the rate per second of `count` events in elapsed_ns (0 is taken as 1 ms). */
uint64_t lmm_top_rate(uint64_t count, uint64_t elapsed_ns);

#endif
