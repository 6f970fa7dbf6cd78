/* SPDX-License-Identifier: MIT */
/*
 * source_types: types and expressions as they stand in a source file, and their text.
 *
 * It knows no names: `node` may be a type or a variable; `struct node`, `unsigned long` and
 * `std::vector<int>` are types. Ranges of tokens are given by the first and the one after the last.
 */
#ifndef LMM_PROGRAM_SOURCE_TYPES_H
#define LMM_PROGRAM_SOURCE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/source_tokens.h"

/*
 * Reads what may be the words of a type, without stars: `const struct node`, `unsigned char`,
 * `ns::table<int>`. Returns the index after it, also after `const` behind it; NONE when there is
 * none, or when it is a struct with its members.
 */
uint32_t lmm_source_type_read(const struct lmm_tokens *tokens, uint32_t from, uint32_t to);

/* Returns the index after stars and the qualifiers between them; *ret_stars: how many there are. */
uint32_t lmm_source_stars_read(const struct lmm_tokens *tokens, uint32_t from, uint32_t to,
                               uint32_t *ret_stars);

/* Returns the index after <...> that begins at `from`, or NONE. */
uint32_t lmm_source_angles_read(const struct lmm_tokens *tokens, uint32_t from, uint32_t to);

/* Tells whether a range that was read as a type can be nothing else: it begins with `struct`,
 * `unsigned` or similar. */
bool lmm_source_type_is_sure(const struct lmm_tokens *tokens, uint32_t from, uint32_t to);

/* Tells whether a name is written as many write types: Node, node_t. */
bool lmm_source_type_is_likely(const struct lmm_tokens *tokens, uint32_t at);

/* Tells whether a range is a type with stars, and nothing else. */
bool lmm_source_type_is_whole(const struct lmm_tokens *tokens, uint32_t from, uint32_t to,
                              uint32_t *ret_words_end, uint32_t *ret_stars);

/* Writes a type: its words without qualifiers, and stars; false: it is too long, or `void`. */
bool lmm_source_type_text(const struct lmm_tokens *tokens, uint32_t from, uint32_t words_end,
                          uint32_t stars, char *ret_text, size_t room);

/* Writes an expression without blanks; false: it is too long or empty. */
bool lmm_source_expression_text(const struct lmm_tokens *tokens, uint32_t from, uint32_t to,
                                char *ret_text, size_t room);

#endif
