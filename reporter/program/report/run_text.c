/* SPDX-License-Identifier: MIT */
/* run_text: the report of `lmm run` for people, its sizes, and its end. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/shown_stacks.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

enum {
    BAR_COLUMNS = 30,
};

/* ---- Sizes ----------------------------------------------------------------------------------- */

struct size {
    const struct lmm_model_family *family;
    uint64_t allocated_bytes;
};

static const struct lmm_grid_column size_columns[] = {
    {.heading = "family"},
    {.heading = "allocations", .right = true},
    {.heading = "share", .right = true},
    {.heading = "in bytes", .right = true},
    {.heading = ""}, /* a bar */
};

/* By size; families of runs, whose size is that of one slot, go last. */
static int compare_sizes(const void *left, const void *right)
{
    const struct size *a = left;
    const struct size *b = right;
    bool a_is_large = a->family->size_bytes < a->allocated_bytes / (a->family->allocations + 1);
    bool b_is_large = b->family->size_bytes < b->allocated_bytes / (b->family->allocations + 1);

    if (a_is_large != b_is_large) {
        return a_is_large ? 1 : -1;
    }
    return lmm_compare_u64(a->family->size_bytes, b->family->size_bytes);
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
        struct size key = {model->sites[i].family, 0};
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
            sizes[count++].family = model->families[i];
        }
    }
    if (count > 0) {
        add_bytes(model, sizes, count);
        qsort(sizes, count, sizeof(*sizes), compare_sizes);
    }
    *ret_count = count;
    return sizes;
}

/* Adds a bar for part of most, at least one mark. */
static void add_bar(struct lmm_grid *grid, uint64_t part, uint64_t most)
{
    char bar[BAR_COLUMNS + 1] = "";
    uint32_t permille = lmm_model_permille(part, most);
    size_t columns = (permille * (uint32_t) BAR_COLUMNS + 500) / 1000;

    memset(bar, '#', columns > 0 ? columns : 1);
    lmm_grid_text(grid, bar);
}

static void add_sizes(struct lmm_grid *grid, const struct size *sizes, size_t count, uint64_t total)
{
    uint64_t most = 0;

    for (size_t i = 0; i < count; i++) {
        most = sizes[i].family->allocations > most ? sizes[i].family->allocations : most;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t allocations = sizes[i].family->allocations;

        lmm_grid_string(grid, sizes[i].family->name);
        lmm_grid_count(grid, allocations);
        lmm_grid_share(grid, lmm_model_permille(allocations, total), total);
        lmm_grid_bytes(grid, sizes[i].allocated_bytes);
        add_bar(grid, allocations, most);
        lmm_grid_end_row(grid);
    }
}

static void put_sizes(const struct lmm_sheet *sheet)
{
    size_t count = 0;
    struct size *sizes = list_sizes(sheet->model, &count);
    struct lmm_grid grid;

    if (sizes == NULL) {
        sheet->sink->error = sheet->sink->error != 0 ? sheet->sink->error : -ENOMEM;
    } else if (count > 0) {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(size_columns), LMM_SHEET_INDENT, sheet->sink);
        add_sizes(&grid, sizes, count, sheet->model->total.allocations);
        lmm_sheet_heading(sheet, "Sizes");
        lmm_grid_put_headings(&grid);
        add_sizes(&grid, sizes, count, sheet->model->total.allocations);
    }
    free(sizes);
}

/* ---- The end --------------------------------------------------------------------------------- */

static const struct lmm_grid_column suppression_columns[] = {
    {.heading = "suppressed", .right = true},
    {.heading = "blocks", .right = true},
    {.heading = "by"},
};

/* Adds the suppressions that matched. Returns how many. */
static size_t add_suppressions(struct lmm_grid *grid, const struct lmm_suppressions *suppressions)
{
    size_t rows = 0;

    for (size_t i = 0; i < suppressions->count; i++) {
        const struct lmm_suppression *item = &suppressions->items[i];

        if (item->blocks > 0) {
            lmm_grid_bytes(grid, item->bytes);
            lmm_grid_count(grid, item->blocks);
            struct lmm_sink *sink = lmm_grid_begin_cell(grid);
            size_t columns =
                lmm_put_string(sink, lmm_string_of(item->is_built_in ? "built in: " : "leak:"));

            columns += lmm_put_string(sink, lmm_string_of(item->pattern));
            lmm_grid_end_cell(grid, columns);
            lmm_grid_end_row(grid);
            rows++;
        }
    }
    return rows;
}

static void put_suppressions(const struct lmm_sheet *sheet)
{
    const struct lmm_suppressions *suppressions = sheet->run->suppressions;
    struct lmm_grid grid;

    lmm_grid_init(&grid, LMM_GRID_COLUMNS(suppression_columns), LMM_SHEET_INDENT, sheet->sink);
    if (add_suppressions(&grid, suppressions) > 0) {
        lmm_sheet_heading(sheet, "Suppressed leaks");
        lmm_grid_put_headings(&grid);
        add_suppressions(&grid, suppressions);
    }
}

static void put_summary(const struct lmm_sheet *sheet)
{
    const struct lmm_tally *total = &sheet->process->spots->total;
    size_t places = lmm_spots_count(sheet->process->spots, LMM_MEASURE_LEAKS);

    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_paint(sheet, "\033[1m");
    lmm_sink_printf(
        sheet->sink,
        "SUMMARY: %" PRIu64 " %s %s, %" PRIu64 " %s, at %zu %s, %" PRIu64 " %s, %" PRIu64 " %s",
        total->leaked_blocks, lmm_sheet_has_ended_well(sheet) ? "leaked" : "live",
        lmm_plural(total->leaked_blocks, "block", "blocks"), total->leaked_bytes,
        lmm_plural(total->leaked_bytes, "byte", "bytes"), places,
        lmm_plural(places, "place", "places"), sheet->model->total.allocations,
        lmm_plural(sheet->model->total.allocations, "allocation", "allocations"),
        sheet->model->total.frees, lmm_plural(sheet->model->total.frees, "free", "frees"));
    lmm_sink_puts(sheet->sink, lmm_sheet_is_lost(sheet) ? ", when its ledger was lost" : "");
    lmm_sheet_paint(sheet, "\033[0m");
    lmm_sink_puts(sheet->sink, "\n");
}

static void put_process(const struct lmm_sheet *sheet)
{
    lmm_sheet_head(sheet);
    if (sheet->model->other_malloc.bytes > 0) {
        return; /* its figures would be those of other blocks than the program's */
    }
    if (sheet->run->leaks_only) {
        lmm_sheet_rows(sheet, LMM_MEASURE_LEAKS);
    } else {
        lmm_sheet_totals(sheet);
        lmm_sheet_rows(sheet, LMM_MEASURE_PEAK);
        /* Else sites say no more than their families do, which the section of sizes shows. */
        if (sheet->model->stack_frames > 0 || !sheet->model->is_drop_in) {
            lmm_sheet_rows(sheet, LMM_MEASURE_ALLOCATIONS);
        }
        lmm_sheet_rows(sheet, LMM_MEASURE_LEAKS);
        lmm_sheet_rows(sheet, LMM_MEASURE_TEMPORARIES);
        put_sizes(sheet);
    }
}

int lmm_run_report_text(const struct lmm_run_report *run, struct lmm_sink *sink)
{
    assert(run->argv != NULL && run->ending != NULL && run->suppressions != NULL && run->top > 0);
    for (size_t i = 0; i < run->process_count; i++) {
        const struct lmm_run_report_process *process = &run->processes[i];
        struct lmm_sheet sheet = {run, process, process->model, sink, lmm_shown_stacks_new()};

        if (sheet.stacks == NULL) {
            sink->error = sink->error != 0 ? sink->error : -ENOMEM;
            break;
        }
        lmm_sink_puts(sink, i == 0 ? "" : "\n");
        put_process(&sheet);
        if (i + 1 == run->process_count) {
            put_suppressions(&sheet);
        }
        if (process->model->other_malloc.bytes == 0) {
            put_summary(&sheet);
        }
        lmm_shown_stacks_free(sheet.stacks);
    }
    return lmm_sink_flush(sink);
}
