/* SPDX-License-Identifier: MIT */
/* grid: see grid.h for the contract. */
#include "reporter/program/base/grid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

enum {
    GAP = 2,
};

struct lmm_grid {
    const struct lmm_grid_column *columns;
    size_t column_count;
    char **cells;      /* line by line; NULL: empty */
    size_t cell_count; /* of whole lines */
    size_t next;       /* to be filled */
    size_t *widths;
    bool failed;
};

static size_t width_of(const char *text)
{
    return lmm_put_string(NULL, lmm_string_of(text));
}

struct lmm_grid *lmm_grid_new(const struct lmm_grid_column *columns, size_t count)
{
    struct lmm_grid *grid = calloc(1, sizeof(*grid));
    size_t *widths = calloc(count, sizeof(*widths));

    if (grid == NULL || widths == NULL) {
        free(grid);
        free(widths);
        return NULL;
    }
    *grid = (struct lmm_grid) {.columns = columns, .column_count = count, .widths = widths};
    for (size_t i = 0; i < count; i++) {
        widths[i] = width_of(columns[i].heading);
    }
    return grid;
}

void lmm_grid_line(struct lmm_grid *grid)
{
    if (grid == NULL || grid->failed) {
        return;
    }
    size_t count = grid->cell_count + grid->column_count;
    char **cells = reallocarray(grid->cells, count, sizeof(*cells));

    if (cells == NULL) {
        grid->failed = true;
        return;
    }
    memset(cells + grid->cell_count, 0, grid->column_count * sizeof(*cells));
    grid->cells = cells;
    grid->next = grid->cell_count;
    grid->cell_count = count;
}

void lmm_grid_text(struct lmm_grid *grid, char *text)
{
    if (grid == NULL || text == NULL || grid->failed || grid->next == grid->cell_count) {
        free(text);
        if (grid != NULL) {
            grid->failed = true;
        }
        return;
    }
    size_t *width = &grid->widths[grid->next % grid->column_count];

    *width = width_of(text) > *width ? width_of(text) : *width;
    grid->cells[grid->next++] = text;
}

void lmm_grid_count(struct lmm_grid *grid, uint64_t value)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_count(cell, value);
    lmm_grid_text(grid, strdup(cell));
}

void lmm_grid_bytes(struct lmm_grid *grid, uint64_t bytes)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_bytes(cell, bytes);
    lmm_grid_text(grid, strdup(cell));
}

void lmm_grid_share(struct lmm_grid *grid, uint64_t part, uint64_t whole)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_share(cell, lmm_model_permille(part, whole), whole);
    lmm_grid_text(grid, strdup(cell));
}

/* Puts cells side by side; blanks go in front of the next cell, so that no line ends with them. */
static void put_cells(const struct lmm_grid *grid, const char *const *cells, struct lmm_sink *sink)
{
    size_t blank = 0;

    for (size_t i = 0; i < grid->column_count; i++) {
        const char *text = cells[i] == NULL ? "" : cells[i];
        size_t width = width_of(text);
        size_t rest = grid->widths[i] > width ? grid->widths[i] - width : 0;

        blank += GAP + (grid->columns[i].right ? rest : 0);
        if (*text != '\0') {
            lmm_sink_pad(sink, blank);
            lmm_sink_puts(sink, text);
            blank = 0;
        }
        blank += grid->columns[i].right ? 0 : rest;
    }
    lmm_sink_puts(sink, "\n");
}

static bool is_good(const struct lmm_grid *grid, struct lmm_sink *sink)
{
    if (grid != NULL && !grid->failed) {
        return true;
    }
    sink->error = sink->error != 0 ? sink->error : -ENOMEM;
    return false;
}

void lmm_grid_put_headings(const struct lmm_grid *grid, struct lmm_sink *sink)
{
    if (!is_good(grid, sink)) {
        return;
    }
    const char **headings = calloc(grid->column_count, sizeof(*headings));

    if (headings == NULL) {
        sink->error = sink->error != 0 ? sink->error : -ENOMEM;
        return;
    }
    for (size_t i = 0; i < grid->column_count; i++) {
        headings[i] = grid->columns[i].heading;
    }
    put_cells(grid, headings, sink);
    free(headings);
}

void lmm_grid_put_line(const struct lmm_grid *grid, size_t line, struct lmm_sink *sink)
{
    if (is_good(grid, sink)) {
        put_cells(grid, (const char *const *) grid->cells + line * grid->column_count, sink);
    }
}

void lmm_grid_free(struct lmm_grid *grid)
{
    if (grid == NULL) {
        return;
    }
    for (size_t i = 0; i < grid->cell_count; i++) {
        free(grid->cells[i]);
    }
    free(grid->cells);
    free(grid->widths);
    free(grid);
}
