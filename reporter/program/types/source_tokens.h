/* SPDX-License-Identifier: MIT */
/*
 * source_tokens: the words and signs of C or C++ around a line of a source file.
 *
 * Comments and preprocessor lines are left out, a string or character literal is one token, raw
 * strings too. Only a window around the line is read; a comment that began before it is noticed at
 * its end. The text is hostile: it may be any bytes.
 *
 * I1. Tokens are in the order of the text, and lie in it.
 * I2. `match` of a bracket is the index of its partner, or LMM_TOKEN_NONE; pairs are nested.
 */
#ifndef LMM_PROGRAM_SOURCE_TOKENS_H
#define LMM_PROGRAM_SOURCE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_TOKENS_MAX = 6144,
};

#define LMM_TOKEN_NONE UINT32_MAX

enum lmm_token_kind {
    LMM_TOKEN_END, /* what stands before the first and after the last one */
    LMM_TOKEN_WORD,
    LMM_TOKEN_NUMBER,
    LMM_TOKEN_STRING, /* also a character literal */
    LMM_TOKEN_SIGN,   /* ">>" is two signs, as in templates */
};

struct lmm_token {
    const char *text; /* in the source */
    uint32_t bytes;
    uint32_t line; /* of its first byte, from 1 on */
    uint32_t match;
    enum lmm_token_kind kind;
};

struct lmm_tokens {
    struct lmm_token items[LMM_TOKENS_MAX];
    uint32_t count;
};

/*
 * Reads the tokens around a line; line: from 1 on. Returns false when there is no such line, or
 * when the line is too long to be read as a whole.
 */
bool lmm_tokens_read(const char *source, size_t bytes, uint32_t line,
                     struct lmm_tokens *ret_tokens);

/* Returns a token; one of the kind END where there is none. */
const struct lmm_token *lmm_token_at(const struct lmm_tokens *tokens, uint32_t index);

/* Tells whether a token is this word or sign. */
bool lmm_token_is(const struct lmm_tokens *tokens, uint32_t index, const char *text);

/* Tells whether a token is one of these words or signs; texts: ended by NULL. */
bool lmm_token_is_any(const struct lmm_tokens *tokens, uint32_t index, const char *const texts[]);

/* Returns the index after a token, and after its partner when it is an opening bracket with one. */
uint32_t lmm_token_after(const struct lmm_tokens *tokens, uint32_t index);

/*
 * Returns the innermost opening bracket around a token that is not before `from`, or NONE;
 * brackets that have no partner are not looked at.
 */
uint32_t lmm_token_enclosing(const struct lmm_tokens *tokens, uint32_t index, uint32_t from);

#endif
