/* SPDX-License-Identifier: MIT */
/*
 * nearest: the word that a mistyped one probably stands for, for messages: of all candidates the
 * first with the fewest insertions, deletions, replacements and exchanges of neighbours, if there
 * are few enough of them for the word's length.
 *
 *     struct lmm_nearest nearest = {.word = argument};
 *     for each candidate: lmm_nearest_look(&nearest, candidate);
 *     argp_error(state, "unknown format '%s'%s", argument, lmm_nearest_hint(&nearest, ""));
 */
#ifndef LMM_PROGRAM_NEAREST_H
#define LMM_PROGRAM_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/utf8.h"

enum {
    LMM_NEAREST_BYTES = 64, /* longer words and candidates are not compared */
};

struct lmm_nearest {
    const char *word;
    char best[LMM_NEAREST_BYTES]; /* empty: no candidate is near */
    size_t distance;
    char hint[LMM_NEAREST_BYTES + 32];
};

void lmm_nearest_look(struct lmm_nearest *nearest, struct lmm_string candidate);

void lmm_nearest_look_text(struct lmm_nearest *nearest, const char *candidate);

/* Returns " (did you mean 'X'?)", or `instead` if no candidate is near. It is part of
 * *nearest. */
const char *lmm_nearest_hint(struct lmm_nearest *nearest, const char *instead);

#endif
