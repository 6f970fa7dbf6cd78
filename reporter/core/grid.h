/* SPDX-License-Identifier: MIT */
/*
 * grid: the table printer of all reports. A table is made in two passes over its rows: the first
 * measures the cells, the second prints them. So nothing is stored and nothing allocates, and other
 * lines can stand between the rows:
 *
 *     lmm_grid_init(&grid, columns, count, indent, sink);
 *     for each row: fill(&grid, row);
 *     lmm_grid_put_headings(&grid);
 *     for each row: fill(&grid, row);
 *
 * fill() adds one cell for each column, from left to right, and calls lmm_grid_end_row(). A table
 * whose rows are not known in advance skips the first pass; then its columns say how wide they are.
 *
 * Invariants (checked by LMM_REQUIRE in each function):
 *   I1  count <= LMM_GRID_COLUMNS_MAX, and next <= count
 *   I2  a row ends when next == count, and not before
 *
 * Locks: none; a grid belongs to one thread. Errors are the sink's.
 */
#ifndef LMM_REPORTER_GRID_H
#define LMM_REPORTER_GRID_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

struct lmm_sink;

enum {
    LMM_GRID_COLUMNS_MAX = 8,
    LMM_GRID_GAP = 2, /* blanks between two columns */
};

struct lmm_grid_column {
    const char *heading;
    bool right;       /* cells are aligned to the right, as numbers are */
    size_t width_min; /* in columns of the terminal; 0: as the cells need */
    size_t width_max; /* a wider cell shifts the cells after it in its own row; 0: no limit */
};

struct lmm_grid {
    const struct lmm_grid_column *columns;
    size_t count;
    size_t indent; /* blanks before the first column */
    struct lmm_sink *sink;
    size_t widths[LMM_GRID_COLUMNS_MAX];
    size_t next;  /* the column of the next cell */
    size_t blank; /* blanks that the next cell needs before it, so that no line ends with blanks */
    bool is_measured;
    bool has_colour;   /* headings are bold; the caller sets these two after lmm_grid_init() */
    const char *title; /* over the first column, from the left edge on; or NULL */
};

/* An array of columns and their number, for lmm_grid_init(). */
#define LMM_GRID_COLUMNS(columns) (columns), sizeof(columns) / sizeof((columns)[0])

/* Starts the pass that measures. columns: `count` of them, which must live as long as the grid. */
void lmm_grid_init(struct lmm_grid *grid, const struct lmm_grid_column *columns, size_t count,
                   size_t indent, struct lmm_sink *sink);

/* Puts the headings; from here on rows are printed. */
void lmm_grid_put_headings(struct lmm_grid *grid);

/* Add the next cell: words of the program's own (may be empty), a string that is escaped, "1,024",
 * "+1,024", "1.2 MiB (1,258,291)", "12.3%" (permille of whole), see words.h. */
void lmm_grid_text(struct lmm_grid *grid, const char *text);
void lmm_grid_string(struct lmm_grid *grid, struct lmm_string string);
void lmm_grid_count(struct lmm_grid *grid, uint64_t value);
void lmm_grid_change(struct lmm_grid *grid, int64_t value);
void lmm_grid_bytes(struct lmm_grid *grid, uint64_t bytes);
void lmm_grid_share(struct lmm_grid *grid, uint32_t permille, uint64_t whole);

/*
 * Begins a cell of several parts, in a column that is aligned to the left. Returns the sink for
 * them, or NULL while the grid measures, as lmm_put_string() takes it. lmm_grid_end_cell() is told
 * how many columns of the terminal the parts take together, at least 1.
 */
struct lmm_sink *lmm_grid_begin_cell(struct lmm_grid *grid);
void lmm_grid_end_cell(struct lmm_grid *grid, size_t columns);

/* Returns how many columns of the terminal stand before the next cell, once the headings are put;
 * cells wider than their column are not counted. */
size_t lmm_grid_column(const struct lmm_grid *grid);

/* Ends a row, which has all its cells. */
void lmm_grid_end_row(struct lmm_grid *grid);

#endif
