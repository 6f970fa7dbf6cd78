/* SPDX-License-Identifier: MIT */
/*
 * top_sheet: a screen of text in memory: lines of at most `columns` columns, each in one style. A
 * line is written from left to right; characters that do not fit are dropped.
 *
 * Names come from the ledger and may hold any bytes. They are escaped as in reports (words.h), so a
 * line has no control characters and only valid UTF-8; on a terminal without UTF-8, other
 * characters than ASCII become question marks.
 *
 * Invariants (checked by tests/unit/top/test_top_sheet.c; I1 also by assert):
 *   I1  a line takes at most `columns` columns, as wcwidth() counts them
 *   I2  a line's text ends with a NUL and is printable in the locale's character set
 *
 * Needs setlocale(LC_CTYPE) to have been called when utf8 is set.
 */
#ifndef LMM_PROGRAM_TOP_SHEET_H
#define LMM_PROGRAM_TOP_SHEET_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

enum {
    LMM_TOP_CELL_BYTES = 64, /* room for any figure below and its NUL */
};

enum lmm_top_style {
    LMM_TOP_PLAIN,
    LMM_TOP_TITLE,    /* the process that is watched */
    LMM_TOP_ALARM,    /* the same, when the process ended or cannot be read */
    LMM_TOP_HEADING,  /* of the table */
    LMM_TOP_SELECTED, /* row of the table */
    LMM_TOP_PROMPT,   /* filter and mark */
};

struct lmm_top_line {
    char *text;
    size_t bytes;   /* of text, without the NUL */
    size_t columns; /* that it takes */
    enum lmm_top_style style;
};

struct lmm_top_sheet {
    struct lmm_top_line *line;
    size_t rows;
    size_t used; /* lines begun */
    size_t columns;
    bool utf8;
};

/* Makes an empty sheet of at least one row and one column. Returns false when memory ran out. */
bool lmm_top_sheet_open(struct lmm_top_sheet *sheet, size_t rows, size_t columns, bool utf8);
void lmm_top_sheet_close(struct lmm_top_sheet *sheet);

/* Begins the next line and returns true; false when the sheet is full: the last line stays the
 * current one. */
bool lmm_top_line_begin(struct lmm_top_sheet *sheet, enum lmm_top_style style);

/* Append ASCII text, or a string from the ledger, to the current line. */
void lmm_top_put(struct lmm_top_sheet *sheet, const char *text);
void lmm_top_put_string(struct lmm_top_sheet *sheet, struct lmm_string string);
void lmm_top_printf(struct lmm_top_sheet *sheet, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends text, aligned to the right in the next `width` columns; a longer text is not cut. */
void lmm_top_put_right(struct lmm_top_sheet *sheet, const char *text, size_t width);

/* Appends blanks until the line takes `columns` columns. */
void lmm_top_pad_to(struct lmm_top_sheet *sheet, size_t columns);

/* Appends the last `width` samples as bars, scaled to the largest of all samples, aligned to the
 * right. */
void lmm_top_put_sparkline(struct lmm_top_sheet *sheet, const uint64_t *samples, size_t count,
                           size_t width);

/* Returns the columns that an escaped string takes; of long strings, only the first 2048 bytes
 * count. */
size_t lmm_top_string_columns(const struct lmm_top_sheet *sheet, struct lmm_string string);

/* ---- Figures: short, in LMM_TOP_CELL_BYTES --------------------------------------------------- */

/* "1023", "1.0K", "12.3M", in powers of 1024; a difference above 0 has a sign. */
void lmm_top_write_bytes(char *cell, int64_t bytes, bool difference);

/* "9999999", "10.0M", in powers of 1000. */
void lmm_top_write_count(char *cell, int64_t count, bool difference);

/* "12.3%". */
void lmm_top_write_permille(char *cell, int64_t permille, bool difference);

/* "0:00:07", "26:10:00". */
void lmm_top_write_duration(char *cell, uint64_t duration_ns);

#endif
