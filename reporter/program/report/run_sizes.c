/* SPDX-License-Identifier: MIT */
/* run_sizes: the sizes of the blocks that were allocated. Of a program on the drop-in, whose
 * families are some 60 size classes, a histogram of few rows; else, and with whole names, a row for
 * each family. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"

enum {
    BAR_COLUMNS = 30,
    NAME_COLUMNS = 40,
};

/* A row: a family, or several size classes. */
struct size {
    const struct lmm_model_family *family; /* the last of them */
    uint64_t allocations;
    uint64_t allocated_bytes;
    char name[2 * LMM_CELL_BYTES]; /* "to 64 B"; empty: the family's name */
};

static const struct lmm_grid_column size_columns[] = {
    {.heading = "", .width_min = LMM_SHEET_FIRST},
    {.heading = "blocks", .right = true},
    {.heading = "share", .right = true},
    {.heading = "bytes", .right = true},
    {.heading = ""}, /* a bar */
};

/* ---- Families -------------------------------------------------------------------------------- */

/* Returns the bytes of a block. The size of a family of runs is that of one slot; then the average
 * of its blocks stands for all. */
static uint64_t block_bytes(const struct size *size)
{
    assert(size->allocations > 0);
    uint64_t average = size->allocated_bytes / size->allocations;

    return average > size->family->size_bytes ? average : size->family->size_bytes;
}

static int compare_sizes(const void *left, const void *right)
{
    return lmm_compare_u64(block_bytes(left), block_bytes(right));
}

static int compare_families(const void *left, const void *right)
{
    return lmm_compare_u64((uintptr_t) ((const struct size *) left)->family,
                           (uintptr_t) ((const struct size *) right)->family);
}

/* Adds the bytes that the sites allocated to their families' items. */
static void add_bytes(const struct lmm_model *model, struct size *sizes, size_t count)
{
    qsort(sizes, count, sizeof(*sizes), compare_families);
    for (size_t i = 0; i < model->site_count; i++) {
        struct size key = {.family = model->sites[i].family};
        struct size *size = bsearch(&key, sizes, count, sizeof(*sizes), compare_families);

        if (size != NULL) {
            size->allocated_bytes += model->sites[i].allocated_bytes;
        }
    }
}

/* Returns the families with allocations, *ret_count of them; NULL: out of memory. */
static struct size *list_sizes(const struct lmm_model *model, size_t *ret_count)
{
    struct size *sizes = calloc(model->family_count + 1, sizeof(*sizes));
    size_t count = 0;

    for (size_t i = 0; sizes != NULL && i < model->family_count; i++) {
        if (model->families[i]->allocations > 0) {
            sizes[count].family = model->families[i];
            sizes[count++].allocations = model->families[i]->allocations;
        }
    }
    if (count > 0) {
        add_bytes(model, sizes, count);
        qsort(sizes, count, sizeof(*sizes), compare_sizes);
    }
    *ret_count = count;
    return sizes;
}

/* ---- Histogram ------------------------------------------------------------------------------- */

/* The largest blocks of each row but the last. Size classes end at each of them. */
static const uint64_t ends[] = {16, 32, 64, 128, 256, 1024, 8192};

enum {
    ENDS = sizeof(ends) / sizeof(ends[0]),
};

static size_t end_of(const struct size *size)
{
    size_t end = 0;

    while (end < ENDS && block_bytes(size) > ends[end]) {
        end++;
    }
    return end;
}

static void name_row(struct size *row, size_t end)
{
    uint64_t start = end == 0 ? 0 : ends[end - 1];
    char cell[LMM_CELL_BYTES];

    if (end == ENDS) {
        lmm_write_count(cell, start);
        snprintf(row->name, sizeof(row->name), "above %s B", cell);
    } else {
        lmm_write_count(cell, ends[end]);
        snprintf(row->name, sizeof(row->name), "to %s B", cell);
    }
}

/* Makes size classes, in the order of their sizes, the rows of a histogram. Returns how many. */
static size_t merge(struct size *sizes, size_t count)
{
    size_t rows = 0;
    size_t last = ENDS + 1; /* of the current row */

    for (size_t i = 0; i < count; i++) {
        struct size size = sizes[i];
        size_t end = end_of(&size);

        if (rows > 0 && end == last) {
            sizes[rows - 1].family = size.family;
            sizes[rows - 1].allocations += size.allocations;
            sizes[rows - 1].allocated_bytes += size.allocated_bytes;
        } else {
            name_row(&size, end);
            sizes[rows++] = size;
            last = end;
        }
    }
    return rows;
}

/* ---- Printing -------------------------------------------------------------------------------- */

/* Adds a bar for part of most, at least one mark. */
static void add_bar(struct lmm_grid *grid, uint64_t part, uint64_t most)
{
    char bar[BAR_COLUMNS + 1] = "";
    uint32_t permille = lmm_model_permille(part, most);
    size_t columns = (permille * (uint32_t) BAR_COLUMNS + 500) / 1000;

    memset(bar, '#', columns > 0 ? columns : 1);
    lmm_grid_text(grid, bar);
}

static void add_name(const struct lmm_sheet *sheet, struct lmm_grid *grid, const struct size *size)
{
    struct lmm_string name = size->name[0] != '\0' ? lmm_string_of(size->name) : size->family->name;
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    lmm_grid_end_cell(grid,
                      lmm_shown_put_function(&sheet->run->look, sink, name, (size_t) NAME_COLUMNS));
}

static void add_sizes(const struct lmm_sheet *sheet, struct lmm_grid *grid,
                      const struct size *sizes, size_t count)
{
    uint64_t total = sheet->model->total.allocations;
    uint64_t most = 0;

    for (size_t i = 0; i < count; i++) {
        most = sizes[i].allocations > most ? sizes[i].allocations : most;
    }
    for (size_t i = 0; i < count; i++) {
        add_name(sheet, grid, &sizes[i]);
        lmm_grid_count(grid, sizes[i].allocations);
        lmm_grid_share(grid, lmm_model_permille(sizes[i].allocations, total), total);
        lmm_sheet_bytes(sheet, grid, sizes[i].allocated_bytes);
        add_bar(grid, sizes[i].allocations, most);
        lmm_grid_end_row(grid);
    }
}

static void put_sizes(const struct lmm_sheet *sheet, struct size *sizes, size_t count)
{
    struct lmm_grid grid;
    size_t shown;

    if (sheet->model->is_drop_in && !sheet->run->look.is_whole) {
        count = merge(sizes, count);
    }
    shown = count < sheet->run->bounds.sizes ? count : sheet->run->bounds.sizes;
    lmm_grid_init(&grid, LMM_GRID_COLUMNS(size_columns), LMM_SHEET_INDENT, sheet->sink);
    add_sizes(sheet, &grid, sizes, shown);
    lmm_sheet_headings(sheet, &grid, "Sizes");
    add_sizes(sheet, &grid, sizes, shown);
    if (shown < count) {
        lmm_sink_printf(sheet->sink, "  ... %zu more %s: --full\n", count - shown,
                        lmm_plural(count - shown, "size", "sizes"));
    }
}

void lmm_sheet_sizes(const struct lmm_sheet *sheet)
{
    size_t count = 0;
    struct size *sizes = list_sizes(sheet->model, &count);

    if (sizes == NULL) {
        sheet->sink->error = sheet->sink->error != 0 ? sheet->sink->error : -ENOMEM;
    } else if (count > 0) {
        put_sizes(sheet, sizes, count);
    }
    free(sizes);
}
