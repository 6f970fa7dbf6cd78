/* SPDX-License-Identifier: MIT */
/*
 * source_sizes: what `sizeof` is applied to in the arguments of a call that allocates, and how the
 * size is made of it: `n * sizeof(T)`, `sizeof(T) + n`, `calloc(n, sizeof(T))`. Stateless.
 */
#ifndef LMM_PROGRAM_SOURCE_SIZES_H
#define LMM_PROGRAM_SOURCE_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/source_tokens.h"

enum {
    LMM_SOURCE_SIZES_MAX = 4,
    LMM_SOURCE_TEXT_MAX = 256, /* bytes with the NUL */
    LMM_SOURCE_ARGUMENTS_MAX = 8,
};

struct lmm_source_size {
    char text[LMM_SOURCE_TEXT_MAX];
    bool is_expression; /* else a type, or a name that may be one */
    bool is_array;      /* it is multiplied */
    bool has_more;      /* something is added, or it is an argument of another call */
    bool is_choice;     /* it depends on a condition which of several it is */
};

/* A call: the index of its name, and of its opening bracket, which has a partner. */
struct lmm_source_call {
    uint32_t name;
    uint32_t open;
};

/* Tokens from `from` on, before `to`. */
struct lmm_source_range {
    uint32_t from;
    uint32_t to;
};

/* Splits a call's arguments; returns their number. Those after the eighth are left out. */
size_t lmm_source_arguments(const struct lmm_tokens *tokens, struct lmm_source_call call,
                            struct lmm_source_range ret_arguments[LMM_SOURCE_ARGUMENTS_MAX]);

/* Tells whether a range is the number 1. */
bool lmm_source_is_one(const struct lmm_tokens *tokens, struct lmm_source_range range);

/* Sets ret_sizes to the sizes in a call's arguments that tell what the block is; returns their
 * number. There are none when they contradict each other. */
size_t lmm_source_sizes_find(const struct lmm_tokens *tokens, struct lmm_source_call call,
                             struct lmm_source_size ret_sizes[LMM_SOURCE_SIZES_MAX]);

/* Sets ret_sizes to the sizes in an expression that tell what a block of this size is; returns their number. */
size_t lmm_source_sizes_in(const struct lmm_tokens *tokens, struct lmm_source_range expression,
                           struct lmm_source_size ret_sizes[LMM_SOURCE_SIZES_MAX]);

/* Sets is_array and has_more to what is done with a part of an expression that is a size. Returns false when that is not
 * made of the part: it is divided, compared, or used by a function. */
bool lmm_source_size_place(const struct lmm_tokens *tokens, struct lmm_source_range expression,
                           struct lmm_source_range part, struct lmm_source_size *size);

/* Tells whether a call without sizeof allocates several things: by its number, or a product. */
bool lmm_source_call_is_array(const struct lmm_tokens *tokens, struct lmm_source_call call);

/* Tells whether a name contains a text, in small or capital letters. */
bool lmm_source_name_has(const struct lmm_token *name, const char *text);

#endif
