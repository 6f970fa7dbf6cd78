/* SPDX-License-Identifier: MIT */
/*
 * hole: free runs: their descriptors, and the tags at their two ends.
 *
 * Owns the descriptors of a family's holes. They are promised before they are needed: one for each hole
 * and one for each run handed out, so that a free never needs memory.
 *
 * Invariants: I1 reserved <= capacity. I2 a hole's first and last tag are HOLE with its id, and no other
 * tag is. Locks: all functions are called under the family's RUNS lock. Not responsible for: which hole
 * is taken, and pages (run).
 */
#ifndef LMM_HOLE_H
#define LMM_HOLE_H

#include "base.h"
#include "page.h"

#include "glthread/glpq.h"

enum { LMM_HOLE_CHUNKS = 24 };

struct lmm_hole {
    struct glpq_node node;         /* key: length in slots */
    struct lmm_hole *next_spare;   /* on the spare list only this and id count */
    struct lmm_page *page;
    uint32_t slot;
    uint32_t id;
};

_Static_assert(sizeof(struct lmm_hole) <= LMM_CACHE_LINE_BYTES, "a line a descriptor");

/* The descriptors of one family. */
struct lmm_holes {
    struct glpq queue;             /* by length */
    size_t free_slots;             /* in all holes of the queue */
    uint32_t reserved;             /* descriptors promised */
    uint32_t capacity;             /* descriptors there are */
    uint32_t unused;               /* descriptors past it were never used */
    struct lmm_hole *spare;        /* descriptors given back */
    struct lmm_hole *chunk[LMM_HOLE_CHUNKS];    /* each twice the one before */
};

void lmm_holes_init(struct lmm_holes *holes);

/* Promises a descriptor; false with errno ENOMEM. */
bool lmm_holes_reserve(struct lmm_holes *holes);

/* Takes a promise back. */
void lmm_holes_unreserve(struct lmm_holes *holes);

/* Makes n slots of page from `slot` on a hole, with a descriptor that was promised. */
struct lmm_hole *lmm_hole_add(struct lmm_holes *holes, struct lmm_page *page, size_t slot, size_t n);

/* Ends a hole; its slots are then nobody's, and its promise goes on to whoever has them. */
void lmm_hole_remove(struct lmm_holes *holes, struct lmm_hole *hole);

/* Gives a hole, on its page, another first slot and length. */
void lmm_hole_move(struct lmm_holes *holes, struct lmm_hole *hole, size_t slot, size_t n);

static inline size_t lmm_hole_length(const struct lmm_hole *hole)
{
    return hole->node.key;
}

/* The largest hole; NULL when there is none. */
struct lmm_hole *lmm_holes_largest(const struct lmm_holes *holes);

/* The hole whose first or last word is at slot; NULL when there is none, or no such slot. */
struct lmm_hole *lmm_hole_at(const struct lmm_holes *holes, const struct lmm_page *page, size_t slot);

/* The next hole after `hole` in no particular order; the first for NULL; NULL at the end. */
const struct lmm_hole *lmm_holes_walk(const struct lmm_holes *holes, const struct lmm_hole *hole);

#endif
