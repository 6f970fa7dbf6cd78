/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_token.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/regular_file.h"

static_assert(LMM_TOKEN_RANDOM_BYTES % 3 == 0, "every character has 6 bits");

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char further[] = ".~+/=";

bool lmm_token_make(struct lmm_token *ret_token)
{
    unsigned char bytes[LMM_TOKEN_RANDOM_BYTES];
    char *at = ret_token->text;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(bytes); i += 3) {
        unsigned bits =
            (unsigned) bytes[i] << 16 | (unsigned) bytes[i + 1] << 8 | (unsigned) bytes[i + 2];

        for (int shift = 18; shift >= 0; shift -= 6) {
            *at++ = letters[bits >> shift & 63];
        }
    }
    *at = '\0';
    return true;
}

/* ---- The file -------------------------------------------------------------------------------- */

static bool write_new(const char *path, struct lmm_token *token)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_written = file >= 0 && lmm_token_make(token) &&
                      lmm_output_to_descriptor(&file, token->text, strlen(token->text)) == 0 &&
                      lmm_output_to_descriptor(&file, "\n", 1) == 0;

    if (!is_written) {
        lmm_complain("%s: cannot write the token: %s", path, strerror(errno));
    }
    if (file >= 0 && close(file) != 0) {
        is_written = false;
    }
    return is_written;
}

/* Takes the only line of a file's text. */
static bool take_line(const char *text, size_t bytes, struct lmm_token *ret_token)
{
    size_t length = 0;

    while (length < bytes && text[length] != '\0' &&
           (strchr(letters, text[length]) != NULL || strchr(further, text[length]) != NULL)) {
        length++;
    }
    if (length < LMM_TOKEN_MIN || length > LMM_TOKEN_MAX ||
        !(length == bytes || (length + 1 == bytes && text[length] == '\n'))) {
        return false;
    }
    memcpy(ret_token->text, text, length);
    ret_token->text[length] = '\0';
    return true;
}

bool lmm_token_of_file(const char *path, struct lmm_token *ret_token)
{
    struct stat status;
    size_t bytes = 0;
    char *text;
    bool is_taken = false;

    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return write_new(path, ret_token);
    }
    text = lmm_regular_file_read(path, O_CLOEXEC, LMM_TOKEN_MAX + 1, &status, &bytes);
    if (text == NULL) {
        lmm_complain("%s: not a file with a token, or not readable", path);
    } else if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        lmm_complain("%s: the token must be readable by you alone: chmod 600", path);
    } else {
        is_taken = take_line(text, bytes, ret_token);
        if (!is_taken) {
            lmm_complain("%s: expected one line with a token of %d to %d letters and digits", path,
                         LMM_TOKEN_MIN, LMM_TOKEN_MAX);
        }
    }
    free(text);
    return is_taken;
}

/* ---- Comparison ------------------------------------------------------------------------------ */

bool lmm_token_equals(const struct lmm_token *token, const char *text, size_t bytes)
{
    size_t length = strlen(token->text);
    size_t difference = length ^ bytes;

    for (size_t i = 0; i < bytes; i++) {
        /* Past the token's end the zeros of its array, or its NUL, are compared. */
        size_t at = i < LMM_TOKEN_MAX ? i : LMM_TOKEN_MAX;

        difference |= (unsigned char) (token->text[at] ^ text[i]);
    }
    return difference == 0;
}
