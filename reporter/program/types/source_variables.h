/* SPDX-License-Identifier: MIT */
/*
 * source_variables: what a call allocates whose arguments have no `sizeof`, but variables that the function around it
 * made of one before: `size = sizeof(T) + n;`, also by way of a second variable. Stateless.
 *
 * Of the assignments before the call those count back to one that is always done; where several do, the sizes are a
 * choice. There is no answer when one of them has no sizeof, or it may be a parameter.
 */
#ifndef LMM_PROGRAM_SOURCE_VARIABLES_H
#define LMM_PROGRAM_SOURCE_VARIABLES_H

#include <stddef.h>

#include "reporter/program/types/source_sizes.h"
#include "reporter/program/types/source_tokens.h"

/* Sets ret_sizes to the sizes that tell what the block is; returns their number. */
size_t lmm_source_variables_find(const struct lmm_tokens *tokens, struct lmm_source_call call,
                                 struct lmm_source_size ret_sizes[LMM_SOURCE_SIZES_MAX]);

#endif
