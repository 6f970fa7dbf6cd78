/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/run_section.h"

#include <assert.h>
#include <stdio.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/shown_stacks.h"

enum {
    FAMILY_COLUMNS = 40,
    LONG_STACKS = 2, /* rows of a brief report, after which each stack has one line */
    FEW_ROWS = 3,    /* of the later sections of a brief report */
};

const struct lmm_section lmm_sections[LMM_MEASURES] = {
    [LMM_MEASURE_PEAK] = {"Lines at the peak", LMM_MEASURE_PEAK, true, false, false, false, 2,
                          "bytes", "share", "blocks", NULL},
    [LMM_MEASURE_ALLOCATIONS] = {"Most allocations", LMM_MEASURE_ALLOCATIONS, false, true, false,
                                 true, 0, "blocks", "share", "bytes", NULL},
    [LMM_MEASURE_LEAKS] = {"Live at exit", LMM_MEASURE_LEAKS, true, false, false, false, 1, "bytes",
                           "share", "blocks", NULL},
    [LMM_MEASURE_TEMPORARIES] = {"Temporary", LMM_MEASURE_TEMPORARIES, false, false, true, true, 0,
                                 "blocks", "of all at the line", "allocated", NULL},
    [LMM_MEASURE_LOST] = {"Lost", LMM_MEASURE_LOST, true, false, false, false, 1, "bytes", "share",
                          "blocks", "definitely"},
    [LMM_MEASURE_POSSIBLE] = {"Possibly lost", LMM_MEASURE_POSSIBLE, true, false, false, false, 1,
                              "bytes", "share", "blocks", "possibly"},
    [LMM_MEASURE_INDIRECT] = {"Indirectly lost", LMM_MEASURE_INDIRECT, true, false, false, false, 1,
                              "bytes", "share", "blocks", "indirectly"},
    [LMM_MEASURE_REACHABLE] = {"Still reachable", LMM_MEASURE_REACHABLE, true, false, false, false,
                               1, "bytes", "share", "blocks", "reachable"},
};

/* ---- Stacks ---------------------------------------------------------------------------------- */

/* Returns whether stacks that were not printed before are printed below the rows. */
static bool has_stacks(const struct lmm_rows *rows)
{
    const struct lmm_run_report *run = rows->sheet->run;

    return rows->section->stack_lines > 0 || !run->look.is_brief;
}

/* Returns the number of the stack that a row names in its own line, because it is the only one
 * that the row shows, and was printed before; 0: none. */
static size_t reference_of(const struct lmm_rows *rows, const struct lmm_spot *spot)
{
    bool is_only = rows->sheet->run->bounds.stacks < 2 || spot->trace_count < 2;

    return is_only ? lmm_shown_stacks_number(rows->sheet->stacks, spot->traces[0].site->stack) : 0;
}

/* Puts "2.0 KiB from ", the part of a row that a stack has. Returns how many columns. */
static size_t put_part(const struct lmm_rows *rows, const struct lmm_trace *trace,
                       struct lmm_sink *sink)
{
    uint64_t value = lmm_tally_first(&trace->tally, rows->section->measure);
    char cell[LMM_CELL_BYTES];

    if (rows->section->first_is_bytes) {
        lmm_write_size(cell, value);
    } else {
        lmm_write_count(cell, value);
    }
    return lmm_put_string(sink, lmm_string_of(cell)) +
           lmm_put_string(sink, lmm_string_of(" from "));
}

/* Puts ", 2.0 KiB from stack 3", if the row refers to a stack. Returns how many columns. */
static size_t put_reference(const struct lmm_rows *rows, const struct lmm_spot *spot, size_t stacks,
                            struct lmm_sink *sink)
{
    size_t number = reference_of(rows, spot);
    char words[LMM_CELL_BYTES];
    size_t columns = 0;

    if (number != 0) {
        snprintf(words, sizeof(words), "stack %zu", number);
        columns = lmm_put_string(sink, lmm_string_of(", "));
        columns += stacks > 1 ? put_part(rows, &spot->traces[0], sink) : 0;
        columns += lmm_put_string(sink, lmm_string_of(words));
    }
    return columns;
}

/* Returns how many lines each stack of a row may have. */
static size_t lines_of(const struct lmm_rows *rows, const struct lmm_spot *spot)
{
    if (!rows->sheet->run->look.is_brief) {
        return SIZE_MAX;
    }
    return spot - rows->spots < LONG_STACKS ? rows->section->stack_lines : 1;
}

void lmm_rows_put_stacks(const struct lmm_rows *rows, const struct lmm_spot *spot, size_t stacks)
{
    const struct lmm_sheet *sheet = rows->sheet;
    size_t most = sheet->run->bounds.stacks;
    size_t lines = lines_of(rows, spot);
    bool is_done = !has_stacks(rows) || reference_of(rows, spot) != 0;

    for (size_t i = 0; i < stacks && i < most && !is_done; i++) {
        const struct lmm_trace *trace = &spot->traces[i];
        size_t columns = LMM_SECTION_INDENT;

        if (trace->site->stack == 0) {
            continue;
        }
        lmm_sink_pad(sheet->sink, LMM_SECTION_INDENT);
        columns += stacks > 1 ? put_part(rows, trace, sheet->sink) : 0;
        lmm_shown_stacks_put(sheet->stacks, sheet->model, trace->site->stack, columns, lines,
                             sheet->sink);
        lmm_sink_puts(sheet->sink, "\n");
    }
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void add_figure(const struct lmm_rows *rows, struct lmm_grid *grid, uint64_t value,
                       bool is_bytes)
{
    if (is_bytes) {
        lmm_sheet_bytes(rows->sheet, grid, value);
    } else {
        lmm_grid_count(grid, value);
    }
}

/* Puts " of malloc-48" for a site without stacks: one place may allocate several families. */
static size_t put_family(const struct lmm_rows *rows, const struct lmm_model_site *site,
                         struct lmm_sink *sink)
{
    if (site->stack != 0) {
        return 0;
    }
    return lmm_put_string(sink, lmm_string_of(" of ")) +
           lmm_shown_put_function(&rows->sheet->run->look, sink, site->family->name,
                                  FAMILY_COLUMNS);
}

/* Puts the type in a row of lost blocks. */
static size_t put_type(const struct lmm_rows *rows, const struct lmm_spot *spot,
                       struct lmm_sink *sink)
{
    if (rows->section->kind == NULL) {
        return 0;
    }
    return lmm_shown_put_type(&rows->sheet->run->look, sink,
                              lmm_spot_type(spot, rows->section->measure));
}

/* Adds the place of a spot, what it allocates, the stack that it refers to, and its id. */
static void add_place(const struct lmm_rows *rows, struct lmm_grid *grid,
                      const struct lmm_spot *spot, size_t stacks)
{
    const struct lmm_model_site *site = spot->site;
    size_t columns = put_family(rows, site, NULL) + put_type(rows, spot, NULL) +
                     put_reference(rows, spot, stacks, NULL) + lmm_put_id(NULL, spot->id);
    size_t taken = lmm_grid_column(grid) + columns;
    size_t room = LMM_SHOWN_COLUMNS > taken + 1 ? LMM_SHOWN_COLUMNS - taken : 1;
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    columns += lmm_shown_put_place(&rows->sheet->run->look, sink, site->file, site->line,
                                   site->function, room);
    put_family(rows, site, sink);
    put_type(rows, spot, sink);
    put_reference(rows, spot, stacks, sink);
    lmm_put_id(sink, spot->id);
    lmm_grid_end_cell(grid, columns);
}

static void add_row(const struct lmm_rows *rows, struct lmm_grid *grid, size_t index)
{
    const struct lmm_section *section = rows->section;
    const struct lmm_spot *spot = &rows->spots[index];
    uint64_t first = lmm_tally_first(&spot->tally, section->measure);
    uint64_t second = lmm_tally_second(&spot->tally, section->measure);
    uint64_t whole = section->is_share_of_own ? second : rows->total;
    size_t stacks = lmm_spot_traces(spot, section->measure);

    lmm_grid_count(grid, index + 1);
    add_figure(rows, grid, first, section->first_is_bytes);
    lmm_grid_share(grid, lmm_model_permille(first, whole), whole);
    add_figure(rows, grid, second, section->second_is_bytes);
    lmm_grid_count(grid, stacks);
    add_place(rows, grid, spot, stacks);
    lmm_grid_end_row(grid);
}

/* Writes "360 bytes in 9 blocks"; returns the address of its NUL. */
static char *write_amount(char *end, uint64_t bytes, uint64_t blocks)
{
    end = lmm_write_count(end, bytes);
    end += sprintf(end, " %s in ", lmm_plural(bytes, "byte", "bytes"));
    end = lmm_write_count(end, blocks);
    return end + sprintf(end, " %s", lmm_plural(blocks, "block", "blocks"));
}

/* Writes "817 bytes: 177 direct in 3 blocks, 640 indirect in 10". */
static char *write_with_indirect(char *end, const struct lmm_tally *tally)
{
    end = lmm_write_count(end, tally->lost.bytes);
    end += sprintf(end, " bytes: ");
    end = lmm_write_count(end, tally->direct.bytes);
    end += sprintf(end, " direct in ");
    end = lmm_write_count(end, tally->direct.blocks);
    end += sprintf(end, " %s, ", lmm_plural(tally->direct.blocks, "block", "blocks"));
    end = lmm_write_count(end, tally->lost.bytes - tally->direct.bytes);
    end += sprintf(end, " indirect in ");
    return lmm_write_count(end, tally->lost.blocks - tally->direct.blocks);
}

/* Adds a row of a check for leaks: "360 bytes in 9 blocks, 2 stacks". */
static void add_leak(const struct lmm_rows *rows, struct lmm_grid *grid, size_t index)
{
    const struct lmm_spot *spot = &rows->spots[index];
    enum lmm_measure measure = rows->section->measure;
    size_t stacks = lmm_spot_traces(spot, measure);
    char words[8 * LMM_CELL_BYTES];
    char *end;

    if (measure == LMM_MEASURE_LOST && spot->tally.lost.blocks > spot->tally.direct.blocks) {
        end = write_with_indirect(words, &spot->tally);
    } else {
        end = write_amount(words, lmm_tally_first(&spot->tally, measure),
                           lmm_tally_second(&spot->tally, measure));
    }
    if (stacks > 1) {
        end += sprintf(end, ", ");
        end = lmm_write_count(end, stacks);
        sprintf(end, " stacks");
    }
    lmm_grid_count(grid, rows->ranked + index + 1);
    lmm_grid_text(grid, words);
    add_place(rows, grid, spot, stacks);
    lmm_grid_end_row(grid);
}

/* Adds a row of losses in the report of a whole run. */
static void add_loss(const struct lmm_rows *rows, struct lmm_grid *grid, size_t index)
{
    const struct lmm_spot *spot = &rows->spots[index];
    enum lmm_measure measure = rows->section->measure;

    lmm_grid_count(grid, rows->ranked + index + 1);
    lmm_sheet_bytes(rows->sheet, grid, lmm_tally_first(&spot->tally, measure));
    lmm_grid_count(grid, lmm_tally_second(&spot->tally, measure));
    lmm_grid_text(grid, rows->section->kind);
    add_place(rows, grid, spot, lmm_spot_traces(spot, measure));
    lmm_grid_end_row(grid);
}

void lmm_rows_add(const struct lmm_rows *rows, struct lmm_grid *grid, size_t index)
{
    if (rows->sheet->run->leaks_only) {
        add_leak(rows, grid, index);
    } else if (rows->section->kind != NULL) {
        add_loss(rows, grid, index);
    } else {
        add_row(rows, grid, index);
    }
}

/* ---- What is left out ------------------------------------------------------------------------ */

/* Returns how many stacks of the rows are not shown. */
static size_t hidden_stacks(const struct lmm_rows *rows)
{
    size_t most = has_stacks(rows) ? rows->sheet->run->bounds.stacks : 1;
    size_t hidden = 0;

    for (size_t i = 0; i < rows->shown; i++) {
        size_t stacks = lmm_spot_traces(&rows->spots[i], rows->section->measure);

        hidden += stacks > most ? stacks - most : 0;
    }
    return hidden;
}

struct lmm_rows_rest lmm_rows_rest(const struct lmm_rows *rows)
{
    enum lmm_measure measure = rows->section->measure;
    struct lmm_tally sum;

    lmm_spots_rest(rows->sheet->process->spots, measure, rows->shown, &sum);
    return (struct lmm_rows_rest) {rows->count - rows->shown, hidden_stacks(rows),
                                   lmm_tally_first(&sum, measure)};
}

void lmm_rows_put_rest(struct lmm_sink *sink, const struct lmm_rows_rest *rest, bool is_bytes,
                       const char *option)
{
    char cell[LMM_CELL_BYTES];

    if (rest->lines > 0) {
        if (is_bytes) {
            lmm_write_size(cell, rest->amount);
        } else {
            sprintf(lmm_write_count(cell, rest->amount), " %s",
                    lmm_plural(rest->amount, "block", "blocks"));
        }
        lmm_sink_puts(sink, "  ... ");
        lmm_put_count(sink, rest->lines, "more line", "more lines");
        lmm_sink_printf(sink, " with %s", cell);
    }
    if (rest->stacks > 0) {
        lmm_sink_puts(sink, rest->lines > 0 ? ", " : "  ... ");
        lmm_put_count(sink, rest->stacks, "more stack", "more stacks");
    }
    if (rest->lines > 0 || rest->stacks > 0) {
        lmm_sink_printf(sink, ": %s\n", option);
    }
}

/* ---- Sections -------------------------------------------------------------------------------- */

/* Returns how many rows of the section may be shown. */
static size_t most_of(const struct lmm_rows *rows)
{
    const struct lmm_run_report *run = rows->sheet->run;
    size_t most = rows->count < run->bounds.rows ? rows->count : run->bounds.rows;
    bool is_short = rows->section->is_short || (rows->section->measure == LMM_MEASURE_PEAK &&
                                                lmm_sheet_has_types(rows->sheet));
    bool has_few = is_short && run->look.is_brief && run->bounds.least_permille > 0;

    return has_few && most > FEW_ROWS ? (size_t) FEW_ROWS : most;
}

/* Returns how many of the rows, which are in order, are shown. */
static size_t shown_of(const struct lmm_rows *rows)
{
    const struct lmm_run_report_bounds *bounds = &rows->sheet->run->bounds;
    size_t most = most_of(rows);
    size_t shown = 0;

    if (rows->section->measure == LMM_MEASURE_LEAKS || rows->section->kind != NULL ||
        bounds->least_permille == 0) {
        return most;
    }
    while (shown < most) {
        uint64_t part = lmm_tally_first(&rows->spots[shown].tally, rows->section->measure);

        if (shown > 0 && lmm_model_permille(part, rows->total) < bounds->least_permille) {
            break;
        }
        shown++;
    }
    return shown;
}

struct lmm_rows lmm_rows_order(const struct lmm_sheet *sheet, const struct lmm_section *section)
{
    struct lmm_spots *spots = sheet->process->spots;
    struct lmm_rows rows = {.sheet = sheet, .section = section, .spots = spots->items};

    rows.total = lmm_tally_first(&spots->total, section->measure);
    rows.count = lmm_spots_count(spots, section->measure);
    lmm_spots_order(spots, section->measure, sheet->run->bounds.rows);
    rows.shown = shown_of(&rows);
    for (size_t i = 0; i < rows.shown; i++) {
        lmm_spot_order(&spots->items[i], section->measure, sheet->run->bounds.stacks);
    }
    assert(rows.shown <= rows.count);
    return rows;
}
