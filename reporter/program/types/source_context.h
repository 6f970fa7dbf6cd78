/* SPDX-License-Identifier: MIT */
/*
 * source_context: what a statement does with the value of an expression: it casts, assigns,
 * declares with it, or returns it. Stateless.
 */
#ifndef LMM_PROGRAM_SOURCE_CONTEXT_H
#define LMM_PROGRAM_SOURCE_CONTEXT_H

#include <stddef.h>

#include "reporter/program/types/source_sizes.h"
#include "reporter/program/types/source_tokens.h"

enum {
    LMM_SOURCE_USES_MAX = 8,
};

enum lmm_source_use_kind {
    LMM_SOURCE_CAST,     /* text: the type that the pointer is to */
    LMM_SOURCE_DECLARED, /* likewise */
    LMM_SOURCE_ASSIGNED, /* text: the expression that gets the value */
    LMM_SOURCE_RETURNED, /* no text */
};

struct lmm_source_use {
    enum lmm_source_use_kind kind;
    char text[LMM_SOURCE_TEXT_MAX];
};

/* Finds what is done with the value of an expression, from the inside to the outside; returns how
 * many uses there are. */
size_t lmm_source_uses_find(const struct lmm_tokens *tokens, struct lmm_source_range expression,
                            struct lmm_source_use ret_uses[LMM_SOURCE_USES_MAX]);

/* Tells whether a range is a place that can be assigned to: **a, (*a).b, a->b[i]. */
bool lmm_source_place_is(const struct lmm_tokens *tokens, struct lmm_source_range range);

/* Returns the first token of the statement of a token; the heads of `if` and `for` belong to it. */
uint32_t lmm_source_statement_start(const struct lmm_tokens *tokens, uint32_t at);

/* Returns the last token of the statement of a token. */
uint32_t lmm_source_statement_end(const struct lmm_tokens *tokens, uint32_t at);

#endif
