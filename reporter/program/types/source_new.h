/* SPDX-License-Identifier: MIT */
/*
 * source_new: types that an expression names for what it allocates: `new T[n]`, `make_unique<T>(...)`,
 * and macros that take a type, such as `g_new(T, n)`. Stateless.
 */
#ifndef LMM_PROGRAM_SOURCE_NEW_H
#define LMM_PROGRAM_SOURCE_NEW_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/source_sizes.h"
#include "reporter/program/types/source_tokens.h"

struct lmm_source_new {
    char text[LMM_SOURCE_TEXT_MAX];
    bool is_array;
    bool has_more;
};

/* Reads `new T` at the token `new`; *ret_end: the index after it. Returns false for placement new,
 * and for what is not understood. */
bool lmm_source_new_read(const struct lmm_tokens *tokens, uint32_t at,
                         struct lmm_source_new *ret_new, uint32_t *ret_end);

/* Reads `name<T>(...)` at its name; *ret_end: the index after it. */
bool lmm_source_template_read(const struct lmm_tokens *tokens, uint32_t at,
                              struct lmm_source_new *ret_new, uint32_t *ret_end);

/* How sure an argument of a macro must be a type. */
enum lmm_source_sureness {
    LMM_SOURCE_NO_TYPE,
    LMM_SOURCE_FIRST_NAME,  /* g_new(node, 1), ALLOC(node): the first argument is a name */
    LMM_SOURCE_LIKELY_TYPE, /* NEW(Node), ALLOC(node_t), ALLOC(node *) */
    LMM_SOURCE_SURE_TYPE,   /* NEW(struct node) */
};

/* Finds the argument of a call that is a type; *ret_new is set if there is one. */
enum lmm_source_sureness lmm_source_argument_find(const struct lmm_tokens *tokens,
                                                  struct lmm_source_call call,
                                                  struct lmm_source_new *ret_new);

#endif
