/* SPDX-License-Identifier: MIT */
/*
 * source_output: the place that an argument of a call points at: `p` of `(void **) &p`, `*ret_block` of
 * `ret_block`. Stateless.
 */
#ifndef LMM_PROGRAM_SOURCE_OUTPUT_H
#define LMM_PROGRAM_SOURCE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/source_sizes.h"
#include "reporter/program/types/source_tokens.h"

/*
 * Writes the place that argument `number`, from 0 on, of a call points at, as an expression without
 * blanks; the type it is cast to is ignored. Returns false when there is no such argument, or it
 * is no address of a place, or the place's text has more than LMM_SOURCE_TEXT_MAX - 1 bytes.
 */
bool lmm_source_output_find(const struct lmm_tokens *tokens, struct lmm_source_call call,
                            uint32_t number, char ret_text[LMM_SOURCE_TEXT_MAX]);

#endif
