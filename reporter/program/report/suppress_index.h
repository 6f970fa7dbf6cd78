/* SPDX-License-Identifier: MIT */
/*
 * suppress_index: finds the suppression that a text matches without a try of each: a text that
 * matches a pattern contains the pattern's literal parts. So each pattern is listed under a few
 * successive bytes of its own, the rarest among all patterns, and only patterns listed under bytes of
 * the text are tried.
 *
 * Invariants (checked by tests/unit/reporter/test_suppress.c):
 *   I1  the answer is that of a try of all patterns in their order
 *   I2  the patterns under one key are in the order of the suppressions
 */
#ifndef LMM_PROGRAM_SUPPRESS_INDEX_H
#define LMM_PROGRAM_SUPPRESS_INDEX_H

#include "reporter/core/utf8.h"
#include "reporter/program/report/numbers.h"

struct lmm_suppressions;

struct lmm_suppress_index {
    const struct lmm_suppressions *suppressions;
    struct lmm_numbers first; /* by key: the first suppression that is listed there */
    uint32_t *next;           /* of each suppression: the next under its key */
    uint32_t any;             /* the first one that matches every text; suppressions: index + 1 */
    unsigned sizes;           /* bit i: some keys are made of 1 << i bytes */
};

/* Makes an index of suppressions that do not change while it lives. Returns false when memory ran
 * out. */
bool lmm_suppress_index_make(const struct lmm_suppressions *suppressions,
                             struct lmm_suppress_index *ret_index);

/* Returns the number, its index + 1, of the first suppression that fits the text; 0: none. Cost:
 * the length of the text, and the patterns that are tried. */
uint32_t lmm_suppress_index_find(const struct lmm_suppress_index *index, struct lmm_string text);

void lmm_suppress_index_free(struct lmm_suppress_index *index);

#endif
