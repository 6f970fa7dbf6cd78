/* SPDX-License-Identifier: MIT */
/*
 * grid: lines of cells as wide as what stands in them, put out one by one, so that other lines can stand
 * between them; table.h has tables that stand alone. One error for all steps, as there.
 *
 * Locks: none. Not responsible for what stands in the cells: names must have been escaped (names.h).
 */
#ifndef LMM_PROGRAM_GRID_H
#define LMM_PROGRAM_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_grid;
struct lmm_sink;

struct lmm_grid_column {
    const char *heading;
    bool right; /* numbers stand on the right */
};

/* Returns an empty grid, to be freed with lmm_grid_free(); NULL: out of memory. columns: `count` of them,
 * at least 1; they must live as long as the grid. */
struct lmm_grid *lmm_grid_new(const struct lmm_grid_column *columns, size_t count);

/* Adds a line of `count` cells that are empty; what follows goes there. */
void lmm_grid_line(struct lmm_grid *grid);

/* Fill the next cell. text is allocated and taken over; NULL is an error. grid may be NULL. */
void lmm_grid_text(struct lmm_grid *grid, char *text);
void lmm_grid_count(struct lmm_grid *grid, uint64_t value);
void lmm_grid_bytes(struct lmm_grid *grid, uint64_t bytes);
void lmm_grid_share(struct lmm_grid *grid, uint64_t part, uint64_t whole);

/* Put the headings, or line number `line`, indented as report rows are, and a newline. An error that
 * there was becomes the sink's. grid may be NULL, which is one. */
void lmm_grid_put_headings(const struct lmm_grid *grid, struct lmm_sink *sink);
void lmm_grid_put_line(const struct lmm_grid *grid, size_t line, struct lmm_sink *sink);

/* grid may be NULL. */
void lmm_grid_free(struct lmm_grid *grid);

#endif
