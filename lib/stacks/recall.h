/* SPDX-License-Identifier: MIT */
/*
 * recall: the site of a call stack most of which was walked before.
 *
 * A walk goes from the caller outwards until it meets a call of the trace. A thread keeps the calls that
 * such walks have passed, each time as one segment: the words of the stack that led through it, where it
 * ends, and the sum of its hash. When a caller with the same pc and sp comes again, and these words have
 * the same values, then it has the same calls; the outer ones are compared in the trace, as at the end of
 * a walk. So no rule is looked up, and no step waits for an earlier one. The trace stays as it is.
 *
 * A segment also keeps the site that it led to last, with the class and the hash of the outer calls.
 *
 * Owns the segments; each thread has its own, in the tracer. Invariants:
 *   I1  a segment is of the stack that the trace is of, and of code that is still there: the bits of
 *       all sets in the trace are cleared when either changes (lmm_trace_forget())
 *   I2  what is read for a segment lies between its sp and the end of that stack
 * tests/unit/lib/test_recall.c compares the sites with those of new walks.
 * Locks: those of unwind and of depot. Not responsible for: walking (unwind), what a site is (depot).
 */
#ifndef LMM_RECALL_H
#define LMM_RECALL_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/stacks/depot.h"
#include "lib/stacks/modules.h"
#include "lib/stacks/unwind.h"

enum {
    LMM_RECALL_WAYS = 4, /* segments of a set */
    LMM_RECALL_FRAMES = 64,
    LMM_RECALL_CALLERS = 256,
    LMM_RECALL_WORDS = 9, /* a longer segment is not kept */
};

/* Calls that a walk has passed, up to the joint: the first one that was in the trace. */
struct lmm_segment {
    uintptr_t pc; /* the innermost call's, as are sp and bp */
    uintptr_t sp;
    uintptr_t bp;  /* valid if needs_bp */
    uint64_t hash; /* unwind.h, I3, of these calls, as if no other were outside of them */
    uintptr_t joint_pc;
    uintptr_t joint_bp; /* valid if knows_bp */
    uint32_t joint_at;  /* from sp to the joint's sp, in bytes */
    uint8_t joint;      /* the joint's place in the trace */
    uint8_t calls;      /* may be 0 */
    uint8_t words;
    uint8_t needs_bp : 1;
    uint8_t knows_bp : 1;
    uint32_t class
        ; /* this class and these outer calls have this site; LMM_SITE_NONE: not known yet */
    uint32_t site;
    uint64_t outer_hash;           /* of the outer calls that were asked for */
    uint32_t at[LMM_RECALL_WORDS]; /* from sp, in bytes */
    uintptr_t word[LMM_RECALL_WORDS];
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

/* Of any contents after lmm_recall_clear(). The trace tells which segments are valid. */
struct lmm_recall {
    bool has_callers;           /* they are valid, */
    uint32_t callers_forgotten; /* if lmm_code_forgotten is still that */
    struct lmm_recall_caller caller[LMM_RECALL_CALLERS];
    struct lmm_segment segment[LMM_RECALL_SETS][LMM_RECALL_WAYS];
    struct lmm_recall_frame frame[LMM_RECALL_FRAMES];
    uint32_t missed[LMM_RECALL_SETS]; /* stands for the caller that was not found last */
    uint8_t oldest[LMM_RECALL_SETS];  /* the way that is replaced next */
};

static inline uint32_t lmm_recall_caller_place(uint32_t class, uintptr_t pc)
{
    return (uint32_t) (((pc ^ (uint64_t) class << 40) * LMM_HASH_MULTIPLIER) >> 56) %
           LMM_RECALL_CALLERS;
}

/* As lmm_recall_caller(), for any caller. */
uint32_t lmm_recall_find_caller(struct lmm_recall *recall, const struct lmm_family *family,
                                uintptr_t pc);

static inline void lmm_recall_clear(struct lmm_recall *recall)
{
    recall->has_callers = false;
}

/* The site of (family, a stack of one call, which returns to pc), if it is known; else LMM_SITE_NONE. recall:
 * as below. */
static inline uint32_t lmm_recall_caller(struct lmm_recall *recall, const struct lmm_family *family,
                                         uintptr_t pc)
{
    const struct lmm_recall_caller *caller =
        recall != NULL ? &recall->caller[lmm_recall_caller_place(family->index, pc)] : NULL;

    return LMM_LIKELY(caller != NULL && recall->has_callers &&
                      recall->callers_forgotten == lmm_load_relaxed(&lmm_code_forgotten) &&
                      caller->pc == pc && caller->class == family->index)
               ? caller->site
               : lmm_recall_find_caller(recall, family, pc);
}

/* The site of (family, the stack from caller outwards, of at most `frames` calls), as by lmm_unwind() and
 * lmm_depot_site(). Preserves errno; trace, caller and frames as there, and frames always the same. recall: NULL, or that of the trace. */
uint32_t lmm_recall_site(struct lmm_recall *recall, struct lmm_trace *trace,
                         struct lmm_family *family, const struct lmm_caller *caller,
                         uint32_t frames);

#endif
