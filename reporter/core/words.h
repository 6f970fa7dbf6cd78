/* SPDX-License-Identifier: MIT */
/* words: the format of numbers, sizes, shares, names and places in reports for people. Integer
 * arithmetic only, because formatting floating point may allocate. Stateless. */
#ifndef LMM_REPORTER_WORDS_H
#define LMM_REPORTER_WORDS_H

#include "reporter/core/utf8.h"

struct lmm_sink;

enum {
    LMM_CELL_BYTES = 64, /* room for any number below and its NUL */
};

/* Returns one when count is 1, else many. */
const char *lmm_plural(uint64_t count, const char *one, const char *many);

/* Writes "1,258,291" to cell, of LMM_CELL_BYTES; returns the address of its NUL. */
char *lmm_write_count(char *cell, uint64_t value);

/* Writes "+1,024", "-1,024" or "0" to cell. */
void lmm_write_change(char *cell, int64_t value);

/* Writes "108 B" or "1.2 MiB", rounded to the nearest tenth, to cell; returns the address of its
 * NUL. */
char *lmm_write_size(char *cell, uint64_t bytes);

/* Writes "108 B" or "1.2 MiB (1,258,291)", rounded to the nearest tenth, to cell. */
void lmm_write_bytes(char *cell, uint64_t bytes);

/* Writes "12.3%" to cell, or "-" when whole is 0. */
void lmm_write_share(char *cell, uint32_t permille, uint64_t whole);

/* Print what lmm_write_bytes() writes, and "1,024 blocks" or "1 block". */
void lmm_put_bytes(struct lmm_sink *sink, uint64_t bytes);
void lmm_put_count(struct lmm_sink *sink, uint64_t count, const char *one, const char *many);

/* Prints string, escaped as text.h says. sink: NULL to measure only. Returns how many columns of a
 * terminal it takes, counting one for each character. */
size_t lmm_put_string(struct lmm_sink *sink, struct lmm_string string);

/* Prints a place: "hr.c:42 (hire)"; without a line "hire (libhr.so)", or the file alone;
 * "(unknown)" without a file. sink and return value: as above. */
size_t lmm_put_place(struct lmm_sink *sink, struct lmm_string file, uint32_t line,
                     struct lmm_string function);

/* Prints "  #12", the id of a site. sink and return value: as above. */
size_t lmm_put_id(struct lmm_sink *sink, uint32_t id);

#endif
