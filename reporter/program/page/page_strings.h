/* SPDX-License-Identifier: MIT */
/*
 * page_strings: the texts of a page's document, each once; rows name them by their numbers. They are
 * copies, so they outlive the model that they came from. A text may hold any bytes.
 *
 * Invariants (checked by tests/unit/reporter/test_page_tables.c):
 *   I1  number 0 is the empty text; a text keeps its number, and no two are equal
 *   I2  no text is longer than LMM_PAGE_STRING_MAX bytes: a longer one is cut between two characters and ends
 *       with "..."; all together have at most LMM_PAGE_STRINGS_MAX bytes: further ones are number 0
 *
 * All zero: nothing, not even number 0; the first look-up adds that.
 */
#ifndef LMM_PROGRAM_PAGE_STRINGS_H
#define LMM_PROGRAM_PAGE_STRINGS_H

#include <stdbool.h>

#include "reporter/core/utf8.h"
#include "reporter/program/report/numbers.h"

enum {
    LMM_PAGE_STRING_MAX = 2000,
    LMM_PAGE_STRINGS_MAX = 64 << 20,
    LMM_PAGE_CHUNK = 64 << 10,
};

struct lmm_page_strings {
    struct lmm_string *items;
    size_t count;
    size_t bytes;
    char **chunks; /* of LMM_PAGE_CHUNK bytes, where the texts are */
    size_t chunk_count;
    size_t chunk_used;          /* bytes of the last one */
    struct lmm_numbers numbers; /* by hash: number + 1 */
};

/* Sets *ret_number to the number of a text. Returns false when memory ran out. */
bool lmm_page_strings_at(struct lmm_page_strings *strings, struct lmm_string text,
                         uint32_t *ret_number);

/* Returns the number of a text; 0: it is not there, or empty. A long text is never there. */
uint32_t lmm_page_strings_find(const struct lmm_page_strings *strings, struct lmm_string text);

void lmm_page_strings_free(struct lmm_page_strings *strings);

#endif
