/* SPDX-License-Identifier: MIT */
/* serve_token: secrets: random ones, one kept in a file, and their comparison. Stateless. */
#ifndef LMM_PROGRAM_SERVE_TOKEN_H
#define LMM_PROGRAM_SERVE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LMM_TOKEN_RANDOM_BYTES = 24,
    LMM_TOKEN_MIN = 16, /* characters of one in a file */
    LMM_TOKEN_MAX = 256,
};

struct lmm_token {
    char text[LMM_TOKEN_MAX + 1]; /* of A-Z a-z 0-9 - . _ ~ + / = */
};

/* Makes a random token of 32 characters of A-Z a-z 0-9 - _. False: the kernel has no random bytes. */
bool lmm_token_make(struct lmm_token *ret_token);

/* Reads the token in a file, its only line. A file that does not exist is made, with mode 0600, and a random token. False after a message
 * on stderr: it is no regular file, belongs to another user, others may read or write it, or it has no token. */
bool lmm_token_of_file(const char *path, struct lmm_token *ret_token);

/* Whether `bytes` of text are the token. The time depends on `bytes` alone. */
bool lmm_token_equals(const struct lmm_token *token, const char *text, size_t bytes);

#endif
