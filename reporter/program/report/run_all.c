/* SPDX-License-Identifier: MIT */
/* run_all: the first part of a report of several processes: their totals, an index of them by peak, and
 * the lines of all together; and its last line. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/all_lines.h"
#include "reporter/program/report/all_types.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/verdict.h"

enum {
    FAMILY_COLUMNS = 40,
    TYPE_COLUMNS = 40,
    LEAST_PERMILLE = 100, /* of the bytes at the peaks must have a type in a brief report */
};

/* Whether the blocks of any process have classes: then these are shown. */
static bool has_classes(const struct lmm_run_report *run)
{
    for (size_t i = 0; i < run->process_count; i++) {
        if (lmm_process_is_classified(&run->processes[i])) {
            return true;
        }
    }
    return false;
}

/* ---- The index ------------------------------------------------------------------------------- */

static int compare_peaks(const void *left, const void *right)
{
    const struct lmm_run_report_process *a = *(const struct lmm_run_report_process *const *) left;
    const struct lmm_run_report_process *b = *(const struct lmm_run_report_process *const *) right;
    int order = lmm_compare_u64(b->model->peak_bytes, a->model->peak_bytes);

    return order != 0 ? order : (a > b) - (a < b);
}

/* Returns pointers to the processes in the order of their peaks, to be freed. NULL: out of memory. */
static const struct lmm_run_report_process **by_peak(const struct lmm_run_report *run)
{
    const struct lmm_run_report_process **order =
        calloc(run->process_count, sizeof(const struct lmm_run_report_process *));

    for (size_t i = 0; i < run->process_count && order != NULL; i++) {
        order[i] = &run->processes[i];
    }
    if (order != NULL) {
        qsort(order, run->process_count, sizeof(const struct lmm_run_report_process *),
              compare_peaks);
    }
    return order;
}

/* Adds what the process lost, or, where no process has classes, what lived at its end. */
static void put_left(const struct lmm_sheet *sheet, struct lmm_grid *grid,
                     const struct lmm_run_report_process *process)
{
    if (lmm_process_is_classified(process)) {
        lmm_sheet_bytes(sheet, grid, process->spots->total.lost.bytes);
    } else if (has_classes(sheet->run)) {
        lmm_grid_text(grid, "unknown");
    } else {
        lmm_sheet_bytes(sheet, grid, process->spots->total.leaked_bytes);
    }
}

static void add_process(const struct lmm_sheet *sheet, struct lmm_grid *grid, size_t rank,
                        const struct lmm_run_report_process *process)
{
    struct lmm_sheet one = {sheet->run, process, process->model, NULL, NULL, NULL};

    lmm_grid_count(grid, rank);
    lmm_sheet_bytes(sheet, grid, process->model->peak_bytes);
    put_left(sheet, grid, process);
    lmm_grid_count(grid, process->model->total.allocations);
    one.sink = lmm_grid_begin_cell(grid);
    if (one.sink != NULL) {
        lmm_sheet_process(&one);
        lmm_sink_puts(one.sink, " ");
        lmm_sheet_ending(&one);
    }
    lmm_grid_end_cell(grid, 1);
    lmm_grid_end_row(grid);
}

static void put_index(const struct lmm_sheet *sheet)
{
    static const struct lmm_grid_column columns[] = {
        {.heading = "", .width_min = LMM_SHEET_FIRST},
        {.heading = "peak", .right = true},
        {.heading = "at the end", .right = true},
        {.heading = "allocated", .right = true},
        {.heading = "process"},
    };
    static const struct lmm_grid_column columns_with_lost[] = {
        {.heading = "", .width_min = LMM_SHEET_FIRST},
        {.heading = "peak", .right = true},
        {.heading = "lost", .right = true},
        {.heading = "allocated", .right = true},
        {.heading = "process"},
    };
    const struct lmm_run_report *run = sheet->run;
    const struct lmm_run_report_process **order = by_peak(run);
    size_t shown = run->process_count < run->bounds.rows ? run->process_count : run->bounds.rows;
    struct lmm_grid grid;

    if (order == NULL) {
        return;
    }
    if (has_classes(run)) {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns_with_lost), LMM_SHEET_INDENT, sheet->sink);
    } else {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
    }
    for (size_t i = 0; i < shown; i++) {
        add_process(sheet, &grid, i + 1, order[i]);
    }
    lmm_sheet_headings(sheet, &grid, "Processes by peak");
    for (size_t i = 0; i < shown; i++) {
        add_process(sheet, &grid, i + 1, order[i]);
    }
    if (shown < run->process_count) {
        lmm_sink_puts(sheet->sink, "  ... ");
        lmm_put_count(sheet->sink, run->process_count - shown, "more process", "more processes");
        lmm_sink_puts(sheet->sink, ": --full\n");
    }
    free((void *) order);
}

/* ---- Types ----------------------------------------------------------------------------------- */

static void add_amount(const struct lmm_sheet *sheet, struct lmm_grid *grid,
                       struct lmm_model_amount amount, uint64_t total)
{
    lmm_sheet_bytes(sheet, grid, amount.bytes);
    lmm_grid_share(grid, lmm_model_permille(amount.bytes, total), total);
    lmm_grid_count(grid, amount.blocks);
}

/* Adds the first `shown` types, what the others have together, and what has no type. */
static void add_types(const struct lmm_sheet *sheet, struct lmm_grid *grid,
                      const struct lmm_all_types *types, size_t shown)
{
    uint64_t total = lmm_add_saturated(types->known.bytes, types->unknown.bytes);
    struct lmm_model_amount rest = types->known;
    char words[LMM_CELL_BYTES];

    for (size_t i = 0; i < shown; i++) {
        const struct lmm_all_type *type = &types->items[i];
        struct lmm_sink *sink = lmm_grid_begin_cell(grid);

        lmm_grid_end_cell(
            grid, lmm_shown_put_function(&sheet->run->look, sink, type->type.name, TYPE_COLUMNS));
        add_amount(sheet, grid, type->peak, total);
        lmm_grid_count(grid, type->processes);
        lmm_grid_end_row(grid);
        rest.bytes -= type->peak.bytes;
        rest.blocks -= type->peak.blocks;
    }
    if (shown < types->count) {
        char *end = lmm_write_count(words, types->count - shown);

        snprintf(end, (size_t) (words + sizeof(words) - end), " more %s",
                 lmm_plural(types->count - shown, "type", "types"));
        lmm_grid_text(grid, words);
        add_amount(sheet, grid, rest, total);
        lmm_grid_text(grid, "--full");
        lmm_grid_end_row(grid);
    }
    if (types->unknown.blocks > 0) {
        lmm_grid_text(grid, "no type known");
        add_amount(sheet, grid, types->unknown, total);
        lmm_grid_text(grid, "");
        lmm_grid_end_row(grid);
    }
}

static void put_types(const struct lmm_sheet *sheet)
{
    static const struct lmm_grid_column columns[] = {
        {.heading = "", .width_min = LMM_SHEET_FIRST}, {.heading = "bytes", .right = true},
        {.heading = "share", .right = true},           {.heading = "blocks", .right = true},
        {.heading = "processes", .right = true},
    };
    const struct lmm_run_report *run = sheet->run;
    struct lmm_all_types types;
    struct lmm_grid grid;

    if (!lmm_all_types_make(run->processes, run->process_count, &types)) {
        sheet->sink->error = sheet->sink->error != 0 ? sheet->sink->error : -ENOMEM;
        return;
    }
    uint64_t total = lmm_add_saturated(types.known.bytes, types.unknown.bytes);
    bool has_few = run->look.is_brief && run->processes[0].spots->types == NULL &&
                   lmm_model_permille(types.known.bytes, total) < LEAST_PERMILLE;
    size_t shown = types.count < run->bounds.rows ? types.count : run->bounds.rows;

    if (types.count > 0 && !has_few) {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
        add_types(sheet, &grid, &types, shown);
        lmm_sheet_headings(sheet, &grid, "Types at the peaks");
        add_types(sheet, &grid, &types, shown);
    }
    lmm_all_types_free(&types);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* One table of lines. */
struct table {
    const struct lmm_sheet *sheet;
    const char *title;
    enum lmm_measure measure;
    uint64_t total;
    const struct lmm_all_lines *lines;
    size_t shown;
};

static void add_line(const struct table *table, struct lmm_grid *grid, size_t index)
{
    const struct lmm_all_line *line = &table->lines->items[index];
    const struct lmm_model_site *site = line->site;
    const struct lmm_look *look = &table->sheet->run->look;
    uint64_t bytes = lmm_tally_first(&line->tally, table->measure);

    lmm_grid_count(grid, index + 1);
    lmm_sheet_bytes(table->sheet, grid, bytes);
    lmm_grid_share(grid, lmm_model_permille(bytes, table->total), table->total);
    lmm_grid_count(grid, lmm_tally_second(&line->tally, table->measure));
    lmm_grid_count(grid, line->processes);
    const struct lmm_model_type *type = line->types[table->measure];
    size_t columns = lmm_shown_put_type(look, NULL, type);
    size_t taken = lmm_grid_column(grid) + columns + (site->stack == 0 ? FAMILY_COLUMNS : 0);
    size_t room = LMM_SHOWN_COLUMNS > taken + 1 ? LMM_SHOWN_COLUMNS - taken : 1;
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    columns += lmm_shown_put_place(look, sink, site->file, site->line, site->function, room);

    if (site->stack == 0) {
        columns += lmm_put_string(sink, lmm_string_of(" of "));
        columns += lmm_shown_put_function(look, sink, site->family->name, FAMILY_COLUMNS - 4);
    }
    lmm_shown_put_type(look, sink, type);
    lmm_grid_end_cell(grid, columns);
    lmm_grid_end_row(grid);
}

static void put_lines(const struct lmm_sheet *sheet, struct lmm_all_lines *lines,
                      enum lmm_measure measure, const char *title)
{
    static const struct lmm_grid_column columns[] = {
        {.heading = "", .width_min = LMM_SHEET_FIRST}, {.heading = "bytes", .right = true},
        {.heading = "share", .right = true},           {.heading = "blocks", .right = true},
        {.heading = "processes", .right = true},       {.heading = "line"},
    };
    size_t count = lmm_all_lines_order(lines, measure);
    size_t most = sheet->run->bounds.rows;
    struct table table = {
        .sheet = sheet,
        .title = title,
        .measure = measure,
        .total = lmm_tally_first(&lines->total, measure),
        .lines = lines,
        .shown = count < most ? count : most,
    };
    struct lmm_grid grid;

    if (count == 0) {
        return;
    }
    lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
    for (size_t i = 0; i < table.shown; i++) {
        add_line(&table, &grid, i);
    }
    lmm_sheet_headings(sheet, &grid, table.title);
    for (size_t i = 0; i < table.shown; i++) {
        add_line(&table, &grid, i);
    }
    if (table.shown < count) {
        lmm_sink_puts(sheet->sink, "  ... ");
        lmm_put_count(sheet->sink, count - table.shown, "more line", "more lines");
        lmm_sink_puts(sheet->sink, ": --full\n");
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static uint64_t highest_peak(const struct lmm_run_report *run)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < run->process_count; i++) {
        uint64_t peak = run->processes[i].model->peak_bytes;

        highest = peak > highest ? peak : highest;
    }
    return highest;
}

static void put_totals(const struct lmm_sheet *sheet, const struct lmm_tally *total)
{
    lmm_sheet_label(sheet, "at the peaks");
    lmm_put_bytes(sheet->sink, total->peak_bytes);
    lmm_sink_puts(sheet->sink, ", of each process at its own; the highest is ");
    lmm_put_bytes(sheet->sink, highest_peak(sheet->run));
    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_label(sheet, "at the end");
    lmm_put_bytes(sheet->sink, total->leaked_bytes);
    lmm_sink_puts(sheet->sink, " in ");
    lmm_put_count(sheet->sink, total->leaked_blocks, "block", "blocks");
    if (has_classes(sheet->run)) {
        lmm_sink_puts(sheet->sink, ": ");
        lmm_put_count(sheet->sink, total->lost.bytes, "byte", "bytes");
        lmm_sink_puts(sheet->sink, " lost");
    }
    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_label(sheet, "allocated");
    lmm_put_bytes(sheet->sink, total->allocated_bytes);
    lmm_sink_puts(sheet->sink, " in ");
    lmm_put_count(sheet->sink, total->allocations, "block", "blocks");
    lmm_sink_puts(sheet->sink, "\n");
}

void lmm_sheet_all(const struct lmm_sheet *sheet, struct lmm_all_lines *lines)
{
    bool leaks_only = sheet->run->leaks_only;

    assert(sheet->run->process_count > 1);
    lmm_sheet_paint(sheet, "\033[1m");
    lmm_sink_puts(sheet->sink, leaks_only ? "LMM: leak check of " : "LMM: ");
    lmm_put_count(sheet->sink, sheet->run->process_count, "process", "processes");
    lmm_sink_puts(sheet->sink, ": ");
    lmm_sheet_process(sheet);
    lmm_sink_puts(sheet->sink, " and its children\n");
    lmm_sheet_paint(sheet, "\033[0m");
    put_totals(sheet, &lines->total);
    lmm_sheet_unseen(sheet);
    put_index(sheet);
    if (!leaks_only) {
        put_types(sheet);
        put_lines(sheet, lines, LMM_MEASURE_PEAK, "Lines at the peaks");
    }
    if (has_classes(sheet->run)) {
        put_lines(sheet, lines, LMM_MEASURE_LOST, "Lost");
        put_lines(sheet, lines, LMM_MEASURE_POSSIBLE, "Possibly lost");
    } else {
        put_lines(sheet, lines, LMM_MEASURE_LEAKS, "Live at the end");
    }
    lmm_sink_puts(sheet->sink, "\n");
}

void lmm_sheet_all_end(const struct lmm_sheet *sheet, const struct lmm_all_lines *lines)
{
    const struct lmm_tally *total = &lines->total;
    bool is_lost = has_classes(sheet->run);
    uint64_t bytes = is_lost ? total->lost.bytes : total->leaked_bytes;
    uint64_t blocks = is_lost ? total->lost.blocks : total->leaked_blocks;

    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_paint(sheet, "\033[1m");
    lmm_sink_printf(sheet->sink,
                    "SUMMARY: %zu processes, %" PRIu64 " %s %s in %" PRIu64
                    " %s, highest peak %" PRIu64 ", %" PRIu64 " %s, %" PRIu64 " %s",
                    sheet->run->process_count, bytes, lmm_plural(bytes, "byte", "bytes"),
                    is_lost ? "lost" : "live", blocks, lmm_plural(blocks, "block", "blocks"),
                    highest_peak(sheet->run), total->allocations,
                    lmm_plural(total->allocations, "allocation", "allocations"), lines->frees,
                    lmm_plural(lines->frees, "free", "frees"));
    lmm_sheet_paint(sheet, "\033[0m");
    lmm_sink_puts(sheet->sink, "\n");
}
