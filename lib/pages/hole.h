/* SPDX-License-Identifier: MIT */
/*
 * hole: free runs: their descriptors, and the tags at their two ends.
 *
 * Owns the descriptors of a family's holes. They are promised before they are needed: one for each hole
 * and one for each run handed out, so that a free never needs memory.
 *
 * Invariants: I1 reserved <= capacity. I2 a hole's first and last tag are HOLE with its id, and no other
 * tag is. I3 every hole is in the queue; with fit=best also in the bin of its length, and a bin's bit is
 * set when it holds some. Locks: all functions are called under the family's RUNS lock. Not responsible
 * for: pages (run).
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
        struct lmm_hole *next_spare; /* on the spare list only this and id count */
        struct glthread glue;        /* fit=best: in the bin of its length */
    };
    struct lmm_page *page;
    uint32_t slot;
    uint32_t id;
};

_Static_assert(sizeof(struct lmm_hole) <= LMM_CACHE_LINE_BYTES, "a line a descriptor");

/* The descriptors of one family. */
struct lmm_holes {
    enum lmm_fit fit;           /* immutable */
    struct glpq queue;          /* by length */
    struct lmm_hole_bins *bins; /* by length, with fit=best; made with the first descriptors */
    size_t free_slots;          /* in all holes of the queue */
    uint32_t reserved;          /* descriptors promised */
    uint32_t capacity;          /* descriptors there are */
    uint32_t unused;            /* descriptors past it were never used */
    struct lmm_hole *spare;     /* descriptors given back */
    struct lmm_hole *chunk[LMM_HOLE_CHUNKS]; /* each twice the one before */
};

void lmm_holes_init(struct lmm_holes *holes, enum lmm_fit fit);

/* Promises a descriptor; false with errno ENOMEM. */
bool lmm_holes_reserve(struct lmm_holes *holes);

/* Takes a promise back. */
void lmm_holes_unreserve(struct lmm_holes *holes);

/* Makes n slots of page from `slot` on a hole, with a descriptor that was promised. */
struct lmm_hole *lmm_hole_add(struct lmm_holes *holes, struct lmm_page *page, size_t slot,
                              size_t n);

/* Ends a hole; its slots are then nobody's, and its promise goes on to whoever has them. */
void lmm_hole_remove(struct lmm_holes *holes, struct lmm_hole *hole);

/* Gives a hole, on its page, another first slot and length. */
void lmm_hole_move(struct lmm_holes *holes, struct lmm_hole *hole, size_t slot, size_t n);

static inline size_t lmm_hole_length(const struct lmm_hole *hole)
{
    return hole->node.key;
}

/* The first slot of the hole that is a multiple of step, a power of two, with n free slots from it on;
 * SIZE_MAX when there is none. */
static inline size_t lmm_hole_slot_for(const struct lmm_hole *hole, size_t n, size_t step)
{
    size_t slot = lmm_round_up(hole->slot, step);

    return slot + n <= hole->slot + lmm_hole_length(hole) ? slot : SIZE_MAX;
}

/*
 * The hole with such a place that the fit says; NULL when there is none. Largest: O(1), and linear in the
 * holes of at least n slots where the largest has no place for a step above 1. First: linear in these.
 * Best: O(1) where holes are below 256 slots, else linear in the holes of nearly one length; a step
 * above 1 has a choice of one hole of each length.
 */
struct lmm_hole *lmm_hole_find(const struct lmm_holes *holes, size_t n, size_t step);

/* The largest hole; NULL when there is none. */
struct lmm_hole *lmm_holes_largest(const struct lmm_holes *holes);

/* The hole whose first or last word is at slot; NULL when there is none, or no such slot. */
struct lmm_hole *lmm_hole_at(const struct lmm_holes *holes, const struct lmm_page *page,
                             size_t slot);

/* The next hole after `hole` in no particular order; the first for NULL; NULL at the end. */
const struct lmm_hole *lmm_holes_walk(const struct lmm_holes *holes, const struct lmm_hole *hole);

/* Checks I1 and I3. */
bool lmm_holes_are_valid(const struct lmm_holes *holes);

#endif
