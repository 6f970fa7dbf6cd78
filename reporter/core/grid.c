/* SPDX-License-Identifier: MIT */
#include "reporter/core/grid.h"

#include <string.h>

#include "reporter/core/require.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

void lmm_grid_init(struct lmm_grid *grid, const struct lmm_grid_column *columns, size_t count,
                   size_t indent, struct lmm_sink *sink)
{
    LMM_REQUIRE(count > 0 && count <= LMM_GRID_COLUMNS_MAX);
    *grid = (struct lmm_grid) {.columns = columns, .count = count, .indent = indent, .sink = sink};
    grid->blank = indent;
    for (size_t i = 0; i < count; i++) {
        size_t width = strlen(columns[i].heading);

        grid->widths[i] = width > columns[i].width_min ? width : columns[i].width_min;
    }
}

static size_t rest_of(const struct lmm_grid *grid, size_t columns)
{
    size_t width = grid->widths[grid->next];

    return width > columns ? width - columns : 0;
}

static void put_blank(struct lmm_grid *grid, size_t columns)
{
    bool right = grid->columns[grid->next].right;

    lmm_sink_pad(grid->sink, grid->blank + (right ? rest_of(grid, columns) : 0));
    grid->blank = 0;
}

static void measure(struct lmm_grid *grid, size_t columns)
{
    size_t most = grid->columns[grid->next].width_max;
    size_t *width = &grid->widths[grid->next];

    columns = most != 0 && columns > most ? most : columns;
    *width = columns > *width ? columns : *width;
}

/* Steps over a cell that is put, or that stays empty (columns is 0). */
static void step(struct lmm_grid *grid, size_t columns)
{
    bool right = grid->columns[grid->next].right && columns > 0;

    if (!grid->is_measured) {
        measure(grid, columns);
    }
    grid->blank += LMM_GRID_GAP + (right ? 0 : rest_of(grid, columns));
    grid->next++;
}

struct lmm_sink *lmm_grid_begin_cell(struct lmm_grid *grid)
{
    LMM_REQUIRE(grid->next < grid->count && !grid->columns[grid->next].right);
    if (!grid->is_measured) {
        return NULL;
    }
    put_blank(grid, 0);
    return grid->sink;
}

void lmm_grid_end_cell(struct lmm_grid *grid, size_t columns)
{
    step(grid, columns);
}

void lmm_grid_string(struct lmm_grid *grid, struct lmm_string string)
{
    size_t columns = lmm_put_string(NULL, string);

    LMM_REQUIRE(grid->next < grid->count);
    if (grid->is_measured && columns > 0) {
        put_blank(grid, columns);
        lmm_put_string(grid->sink, string);
    }
    step(grid, columns);
}

void lmm_grid_text(struct lmm_grid *grid, const char *text)
{
    lmm_grid_string(grid, lmm_string_of(text));
}

void lmm_grid_count(struct lmm_grid *grid, uint64_t value)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_count(cell, value);
    lmm_grid_text(grid, cell);
}

void lmm_grid_change(struct lmm_grid *grid, int64_t value)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_change(cell, value);
    lmm_grid_text(grid, cell);
}

void lmm_grid_bytes(struct lmm_grid *grid, uint64_t bytes)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_bytes(cell, bytes);
    lmm_grid_text(grid, cell);
}

void lmm_grid_share(struct lmm_grid *grid, uint32_t permille, uint64_t whole)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_share(cell, permille, whole);
    lmm_grid_text(grid, cell);
}

size_t lmm_grid_column(const struct lmm_grid *grid)
{
    size_t columns = grid->indent;

    for (size_t i = 0; i < grid->next; i++) {
        columns += grid->widths[i] + LMM_GRID_GAP;
    }
    return columns;
}

void lmm_grid_end_row(struct lmm_grid *grid)
{
    LMM_REQUIRE(grid->next == grid->count);
    if (grid->is_measured) {
        lmm_sink_puts(grid->sink, "\n");
    }
    grid->next = 0;
    grid->blank = grid->indent;
}

/* The title takes the place of the indent and of the first column's heading. */
static void put_title(struct lmm_grid *grid)
{
    size_t columns = strlen(grid->title);

    LMM_REQUIRE(columns > grid->indent);
    lmm_sink_puts(grid->sink, grid->title);
    grid->widths[0] =
        columns - grid->indent > grid->widths[0] ? columns - grid->indent : grid->widths[0];
    grid->blank = 0;
    step(grid, columns - grid->indent);
}

void lmm_grid_put_headings(struct lmm_grid *grid)
{
    LMM_REQUIRE(grid->next == 0);
    grid->is_measured = true;
    lmm_sink_puts(grid->sink, grid->has_colour ? "\033[1m" : "");
    if (grid->title != NULL) {
        put_title(grid);
    }
    while (grid->next < grid->count) {
        lmm_grid_text(grid, grid->columns[grid->next].heading);
    }
    lmm_sink_puts(grid->sink, grid->has_colour ? "\033[0m" : "");
    lmm_grid_end_row(grid);
}
