/* SPDX-License-Identifier: MIT */
/*
 * hole: free runs: their descriptors, and the tags at their two ends.
 *
 * Owns the descriptors of a family's holes. A descriptor is promised for each hole and for each run
 * handed out, so that a free never needs memory.
 *
 * Invariants (checked by lmm_holes_are_valid()):
 *   I1  holes <= reserved <= capacity
 *   I2  the first and last tag of a hole are HOLE with its id; no other tag is HOLE (for the
 *       latter: lmm_runs_are_valid_locked())
 *   I3  every hole is in the queue, and free_slots is the sum of their lengths; where there are bins
 *       (with fit=best always) every hole is also in the bin of its length, and a bin's bit is set
 *       exactly when the bin is not empty
 * Locks: RUNS of the family, held by the caller of every function. Not responsible for: pages
 * (run).
 */
#ifndef LMM_HOLE_H
#define LMM_HOLE_H

#include "lib/ground/base.h"
#include "lib/ground/options.h"
#include "lib/pages/page.h"

#include "glthread/glpq.h"
#include "glthread/glthread.h"

enum { LMM_HOLE_CHUNKS = 24 };

struct lmm_hole_bins;

struct lmm_hole {
    struct glpq_node node; /* key: length in slots */
    union {
        struct lmm_hole *next_spare; /* on the spare list; then only this and id are valid */
        struct glthread glue;        /* where there are bins: in that of its length */
    };
    struct lmm_page *page;
    uint32_t slot;
    uint32_t id;
};

_Static_assert(sizeof(struct lmm_hole) <= LMM_CACHE_LINE_BYTES, "one cache line per descriptor");

/* The descriptors of one family. */
struct lmm_holes {
    enum lmm_fit fit;
    struct glpq queue;          /* by length */
    struct lmm_hole_bins *bins; /* by length; NULL before the first hole with fit=best */
    size_t free_slots;          /* in all holes of the queue */
    uint32_t reserved;          /* descriptors promised */
    uint32_t capacity;          /* descriptors in all chunks */
    uint32_t unused;            /* descriptors from it on were never used */
    struct lmm_hole *spare;     /* descriptors given back */
    struct lmm_hole **chunk; /* LMM_HOLE_CHUNKS, each twice the one before; NULL before the first */
};

void lmm_holes_init(struct lmm_holes *holes, enum lmm_fit fit);

/* Takes runs by another fit from now on; without memory for bins, by the one so far. */
void lmm_holes_set_fit(struct lmm_holes *holes, enum lmm_fit fit);

/* Promises `count` descriptors; false with errno ENOMEM, and then none is promised. */
bool lmm_holes_reserve(struct lmm_holes *holes, uint32_t count);

/* Takes a promise back. */
void lmm_holes_unreserve(struct lmm_holes *holes);

/* Makes a hole of n slots of page, from `slot` on, with a descriptor that was promised. */
struct lmm_hole *lmm_hole_add(struct lmm_holes *holes, struct lmm_page *page, size_t slot,
                              size_t n);

/* Ends a hole. The caller has its slots then, and its promise. */
void lmm_hole_remove(struct lmm_holes *holes, struct lmm_hole *hole);

/* Gives a hole another first slot and length in its page. */
void lmm_hole_move(struct lmm_holes *holes, struct lmm_hole *hole, size_t slot, size_t n);

static inline size_t lmm_hole_length(const struct lmm_hole *hole)
{
    return hole->node.key;
}

/* The first slot of the hole that is a multiple of step, a power of two, with n free slots from it
 * on; SIZE_MAX when there is none. */
static inline size_t lmm_hole_slot_for(const struct lmm_hole *hole, size_t n, size_t step)
{
    size_t slot = lmm_round_up(hole->slot, step);

    return slot + n <= hole->slot + lmm_hole_length(hole) ? slot : SIZE_MAX;
}

/*
 * Finds the hole for a run of n slots whose first slot is a multiple of step, by the option `fit`;
 * NULL when there is none. Cost: largest: O(1), or linear in the holes of at least n slots when
 * step does not fit in the largest. First: linear in the holes of at least n slots. Best: O(1) for
 * lengths below 256 slots, else linear in the holes of about the same length; with a step above 1
 * it tries one hole per length.
 */
struct lmm_hole *lmm_hole_find(const struct lmm_holes *holes, size_t n, size_t step);

/* The largest hole; NULL when there is none. */
struct lmm_hole *lmm_holes_largest(const struct lmm_holes *holes);

/* The hole that has its first or last tag at slot; NULL when there is none, or no such slot. */
struct lmm_hole *lmm_hole_at(const struct lmm_holes *holes, const struct lmm_page *page,
                             size_t slot);

/* The next hole after `hole`, in no particular order; the first one for NULL; NULL at the end. */
const struct lmm_hole *lmm_holes_walk(const struct lmm_holes *holes, const struct lmm_hole *hole);

/* Checks the invariants. */
bool lmm_holes_are_valid(const struct lmm_holes *holes);

#endif
