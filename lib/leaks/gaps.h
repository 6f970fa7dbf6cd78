/* SPDX-License-Identifier: MIT */
/*
 * gaps: ranges of addresses that a walk leaves out.
 *
 * Owns a list in memory of its own. First all are added, in any order, then the list is closed; only
 * then it answers. Invariant (tests/unit/lib/test_gaps.c): I1 a closed list ascends, and its ranges
 * neither overlap nor touch. Async-signal-safe, takes no lock.
 */
#ifndef LMM_GAPS_H
#define LMM_GAPS_H

#include "lib/ground/base.h"

struct lmm_gap {
    uintptr_t from;
    uintptr_t to;
};

struct lmm_gaps {
    struct lmm_gap *list;
    size_t count;
    size_t capacity;
    bool is_short; /* of memory: some are missing */
};

/* Adds [from, to); an empty range changes nothing. */
void lmm_gaps_add(struct lmm_gaps *gaps, uintptr_t from, uintptr_t to);

/* Sorts and joins them, and the list itself, which holds addresses of its own. O(n log n) to O(n^1.5). */
void lmm_gaps_close(struct lmm_gaps *gaps);

void lmm_gaps_free(struct lmm_gaps *gaps);

/* Calls visit for the parts of [from, to) that are in no gap, in ascending order. */
void lmm_gaps_outside(const struct lmm_gaps *gaps, uintptr_t from, uintptr_t to,
                      void (*visit)(uintptr_t from, uintptr_t to, void *arg), void *arg);

#endif
