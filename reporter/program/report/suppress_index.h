/* SPDX-License-Identifier: MIT */
/*
 * suppress_index: finds the globs that fit a text without a try of each: a text that fits a glob
 * contains the glob's literal parts. So each glob is listed under a few successive bytes of its
 * own, the rarest among all globs, and only globs listed under bytes of the text are tried; and those
 * that have no bytes of their own (of LMM_GLOB_ONE and stars). A glob's number is its index + 1.
 *
 * Invariants (checked by tests/unit/reporter/test_suppress.c):
 *   I1  the answer is that of a try of all globs in their order
 *   I2  the globs under one key are in their order
 */
#ifndef LMM_PROGRAM_SUPPRESS_INDEX_H
#define LMM_PROGRAM_SUPPRESS_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/utf8.h"
#include "reporter/program/report/numbers.h"

struct lmm_suppress_index {
    const char *const *globs; /* NULL: it fits no text */
    size_t count;
    struct lmm_numbers first; /* by key: the first glob that is listed there */
    uint32_t *next;           /* of each glob: the next under its key */
    uint32_t any;             /* the first one that fits every text */
    unsigned sizes;           /* bit i: some keys are made of 1 << i bytes */
};

/* Makes an index of globs that do not change while it lives; a NULL among them is none. Returns
 * false when memory ran out. */
bool lmm_suppress_index_make(const char *const *globs, size_t count,
                             struct lmm_suppress_index *ret_index);

/* Takes the number of a glob; returns whether to continue. */
typedef bool (*lmm_suppress_fn)(void *context, uint32_t number);

/* Calls take() for each glob that fits the text, except those of stars alone; perhaps twice for
 * one. Returns whether all calls did. Cost: as below. */
bool lmm_suppress_index_each(const struct lmm_suppress_index *index, struct lmm_string text,
                             lmm_suppress_fn take, void *context);

/* Returns the number of the first glob that fits the text; 0: none. Cost: the length of the text,
 * and the globs that are tried. */
uint32_t lmm_suppress_index_find(const struct lmm_suppress_index *index, struct lmm_string text);

void lmm_suppress_index_free(struct lmm_suppress_index *index);

#endif
