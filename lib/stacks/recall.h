/* SPDX-License-Identifier: MIT */
/*
 * recall: the site of a call stack most of which was walked before.
 *
 * A walk goes from the caller outwards until it meets a call of the trace. A thread keeps the calls that
 * such walks have passed, each time as one segment: where the words of the stack are that led through it,
 * where it ends, and the sum of its hash. When a caller with the same pc and sp comes again, and these
 * words have the same values, then it has the same calls; the outer ones are compared in the trace, as at
 * the end of a walk. So no rule is looked up, and no step waits for an earlier one. The trace stays as it is.
 *
 * A segment is one cache line. It is of one size class, and keeps the site that it led to last, with the
 * hash of the outer calls. Its key stands for the values of its words, as the hash of a stack stands for
 * its calls (unwind.h, I3): 64 bits, and it is compared with one caller at a time.
 *
 * How a segment is found. Programs run in loops; so a segment keeps which two were used after it, and these
 * are tried first. They were fetched when the one before it was used, so that nothing waits for memory.
 * Other callers lead to the segment that such a caller used last, and then to shapes. A shape is where the words
 * of a segment are; the first segment of each shape stands for it. With the words that are there now, the key is
 * made, and the segments are found by it.
 *
 * A caller's segment is kept when the caller comes a second time. A thread's segments get more memory as
 * they become more, up to 1.1 MiB; then all are dropped, and those in use are soon kept again.
 *
 * Owns the segments; each thread has its own, in the tracer. Invariants:
 *   I1  a segment is of the stack that the trace is of, and of code that is still there: all are dropped
 *       when either changes (lmm_trace_forget() makes the trace's generation another one)
 *   I2  what is read for a segment lies between its sp and the end of that stack
 *   I3  segment 0 fits no caller, and ends every chain
 * tests/unit/lib/test_recall.c compares the sites with those of new walks.
 * Locks: those of unwind and of depot; META. Not responsible for: walking (unwind), what a site is (depot).
 */
#ifndef LMM_RECALL_H
#define LMM_RECALL_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/stacks/depot.h"
#include "lib/stacks/modules.h"
#include "lib/stacks/segment.h"
#include "lib/stacks/unwind.h"

enum {
    LMM_RECALL_FRAMES = 512,
    LMM_RECALL_FRAME_WAYS = 4,
    LMM_RECALL_CALLERS = 256,
    LMM_RECALL_SEEN = 8192,
    LMM_RECALL_WAYS = 4096,
    LMM_RECALL_SEGMENTS_FIRST = 256, /* a thread has room for so many at first, */
    LMM_RECALL_SEGMENTS_MAX = 16384, /* and for so many at most */
};

#define LMM_RECALL_NO_CALLERS UINT32_MAX

_Static_assert(LMM_RECALL_SEGMENTS_MAX <= 1 << 16,
               "the number of a segment fits into segment.next");

/* How a segment is found. */
struct lmm_recall_link {
    uint16_t chain; /* the next one in the bucket of its key */
    uint16_t shape; /* the next one whose shape callers are looked up by */
};

/* A thread's segments. After them are the links, and then the first segments of the buckets, of which there
 * are as many. */
struct lmm_recall_pool {
    uint32_t capacity; /* a power of two */
    uint32_t used;
    struct lmm_segment segment[] __attribute__((aligned(LMM_CACHE_LINE_BYTES)));
};

/* The length of a frame, up to its return address. */
struct lmm_recall_frame {
    uintptr_t pc; /* of a call in it */
    uintptr_t bytes;
};

/* The site of (class, the stack of one call, which returns to pc). */
struct lmm_recall_caller {
    uintptr_t pc;
    uint32_t class;
    uint32_t site;
};

/* Two numbers that stand for callers which were not found. */
struct lmm_recall_seen {
    uint16_t newest;
    uint16_t old; /* 0: there is none */
};

/* The segments of the callers that are mixed in one way. */
struct lmm_recall_way {
    uint16_t latest; /* the one used last, by a search */
    uint16_t shape;  /* the first one of each shape, in a chain */
};

/* Of any contents after lmm_recall_init(). */
struct lmm_recall {
    struct lmm_recall_pool *pool; /* NULL: there is none yet */
    uint32_t generation;          /* its segments are of that generation of the trace */
    uint32_t last;                /* the segment that was used last */
    uint32_t callers_forgotten;   /* lmm_code_forgotten for which the callers are valid; */
                                  /* LMM_RECALL_NO_CALLERS: there are none */
    struct lmm_recall_caller caller[LMM_RECALL_CALLERS];
    struct lmm_recall_frame frame[LMM_RECALL_FRAMES][LMM_RECALL_FRAME_WAYS];
    struct lmm_recall_seen seen[LMM_RECALL_SEEN];
    uint32_t draw; /* the last random number; any value */
    struct lmm_recall_way ways[LMM_RECALL_WAYS];
};

static inline uint32_t lmm_recall_caller_place(uint32_t class, uintptr_t pc)
{
    return (uint32_t) (((pc ^ (uint64_t) class << 40) * LMM_HASH_MULTIPLIER) >> 56) %
           LMM_RECALL_CALLERS;
}

/* As lmm_recall_caller(), for any caller. */
LMM_NOINLINE uint32_t lmm_recall_find_caller(struct lmm_recall *recall, uint32_t class,
                                             uintptr_t pc);

/* The site of (the family with the index class, a stack of one call, which returns to pc), if the thread has
 * found it before; else LMM_SITE_NONE. */
static inline uint32_t lmm_recall_known_caller(const struct lmm_recall *recall, uint32_t class,
                                               uintptr_t pc)
{
    const struct lmm_recall_caller *caller = &recall->caller[lmm_recall_caller_place(class, pc)];

    return LMM_LIKELY(recall->callers_forgotten == lmm_load_relaxed(&lmm_code_forgotten) &&
                      caller->pc == pc && caller->class == class)
               ? caller->site
               : (uint32_t) LMM_SITE_NONE;
}

/* Drops all that is remembered. Call it where the trace is cleared. */
static inline void lmm_recall_clear(struct lmm_recall *recall)
{
    recall->callers_forgotten = LMM_RECALL_NO_CALLERS;
    recall->generation = LMM_TRACE_NO_GENERATION;
}

/* Makes memory of any contents one that remembers nothing. */
static inline void lmm_recall_init(struct lmm_recall *recall)
{
    recall->pool = NULL;
    lmm_recall_clear(recall);
}

/* The same, if any thread has; recall: as below. */
static inline uint32_t lmm_recall_caller(struct lmm_recall *recall, uint32_t class, uintptr_t pc)
{
    uint32_t site =
        recall != NULL ? lmm_recall_known_caller(recall, class, pc) : (uint32_t) LMM_SITE_NONE;

    return LMM_LIKELY(site != LMM_SITE_NONE) ? site : lmm_recall_find_caller(recall, class, pc);
}

/* The site of (family, the stack from caller outwards, of at most `frames` calls), as by lmm_unwind() and
 * lmm_depot_site(). Preserves errno; trace, caller and frames as there, and frames always the same. recall: NULL, or that of the trace. */
uint32_t lmm_recall_site(struct lmm_recall *recall, struct lmm_trace *trace,
                         struct lmm_family *family, const struct lmm_caller *caller,
                         uint32_t frames);

#endif
