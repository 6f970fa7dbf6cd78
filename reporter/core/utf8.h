/* SPDX-License-Identifier: MIT */
/* utf8: strings from a ledger, which may hold any bytes, and decoding of their UTF-8. Stateless. */
#ifndef LMM_REPORTER_UTF8_H
#define LMM_REPORTER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes from a ledger: any but NUL; no NUL need follow them. */
struct lmm_string {
    const char *text;
    size_t bytes;
};

/* Returns the string of a text that ends with a NUL, which is not part of it. */
struct lmm_string lmm_string_of(const char *text);

/*
 * Decodes the character at text, of which bytes (at least 1) may be read. Returns its length, 1 to
 * 4, and sets *ret_character; returns 0 when no well-formed sequence (RFC 3629: shortest form, no
 * surrogates, at most U+10FFFF) starts there.
 */
size_t lmm_utf8_decode(const char *text, size_t bytes, uint32_t *ret_character);

/* Returns whether a character is a control character (C0, DEL, C1), or marks or changes the
 * direction of the text after it. Reports escape these. */
bool lmm_utf8_steers(uint32_t character);

#endif
