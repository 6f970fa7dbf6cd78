/* SPDX-License-Identifier: MIT */
/*
 * table: rows of cells as libsmartcols lays them out, with one error for all steps, so that who fills a
 * table need not look after each cell.
 *
 * Locks: none. Not responsible for what stands in the cells: names must have been escaped (names.h).
 */
#ifndef LMM_PROGRAM_TABLE_H
#define LMM_PROGRAM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct lmm_table;

struct lmm_table_column {
    const char *heading;
    bool right; /* numbers stand on the right */
};

/* Returns an empty table; NULL: out of memory. Columns are named by their index from here on. */
struct lmm_table *lmm_table_new(const struct lmm_table_column *columns, size_t count);

/* Starts a line; what follows goes there. */
void lmm_table_line(struct lmm_table *table);

/* Fill a cell. text is allocated and taken over; NULL is an error that printing reports. */
void lmm_table_text(struct lmm_table *table, size_t column, char *text);
void lmm_table_count(struct lmm_table *table, size_t column, uint64_t value);

/* Fills a cell with a number that has its sign, "+1,024"; zero has none. */
void lmm_table_signed(struct lmm_table *table, size_t column, int64_t value);

/* Prints the table to out and frees it. Returns 0, or -ENOMEM when a step ran out of memory; what
 * happens to writes is out's matter. table may be NULL. */
int lmm_table_print(struct lmm_table *table, FILE *out);

#endif
