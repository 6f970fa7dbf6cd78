/* SPDX-License-Identifier: MIT */
/*
 * short_text: short texts put together, and numbers read, without libc's stdio and locales.
 *
 * For what each process does while it starts: the first snprintf and strtoull of a process make 0.25 MB of
 * libc resident, a third of what LMM needs until then.
 *
 * Stateless; any thread, async-signal-safe. A text is always ended by a NUL.
 */
#ifndef LMM_SHORT_TEXT_H
#define LMM_SHORT_TEXT_H

#include "lib/ground/base.h"

/* A text in a buffer. Its length is what it would have with enough room, as of snprintf. */
struct lmm_short_text {
    char *buffer;
    size_t bytes; /* of the buffer; at least 1 */
    size_t length;
};

/* An empty text in that buffer. */
struct lmm_short_text lmm_short_text_begin(char *buffer, size_t bytes);

/* Append a text, or a number in decimal, as far as there is room. */
void lmm_short_text_put(struct lmm_short_text *text, const char *more);
void lmm_short_text_put_number(struct lmm_short_text *text, uint64_t number);

/* Whether all was put. */
static inline bool lmm_short_text_is_whole(const struct lmm_short_text *text)
{
    return text->length < text->bytes;
}

/* A list of texts, at least one, that ends with NULL. */
#define LMM_TEXTS(...) ((const char *const[]) {__VA_ARGS__, NULL})

/* Joins the texts of such a list, as far as there is room; returns the length, as snprintf. */
size_t lmm_short_text_join(char *buffer, size_t bytes, const char *const *parts);

/* The decimal number that a text starts with; 0: none. Wraps around at 64 bits. */
uint64_t lmm_short_text_number(const char *text);

#endif
