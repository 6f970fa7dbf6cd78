/* SPDX-License-Identifier: MIT */
/* run_rows: the sections whose rows are spots, with stacks below them (run_section.h), and the tables
 * of a check for leaks. */
#include <inttypes.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_section.h"
#include "reporter/program/report/run_sheet.h"

/* The sections of a leak check, in their order. */
static const struct {
    enum lmm_measure measure;
    enum lmm_model_class kind;
} loss_sections[] = {
    {LMM_MEASURE_LOST, LMM_MODEL_DEFINITE},
    {LMM_MEASURE_POSSIBLE, LMM_MODEL_POSSIBLE},
    {LMM_MEASURE_INDIRECT, LMM_MODEL_INDIRECT},
    {LMM_MEASURE_REACHABLE, LMM_MODEL_REACHABLE},
};

static const char *title_of(const struct lmm_rows *rows)
{
    if (rows->section->measure == LMM_MEASURE_LEAKS && lmm_sheet_is_lost(rows->sheet)) {
        return "Live when the ledger was lost";
    }
    if (rows->section->measure == LMM_MEASURE_LEAKS && rows->sheet->process->is_live) {
        return "Live now";
    }
    return rows->section->title;
}

void lmm_sheet_rows(const struct lmm_sheet *sheet, enum lmm_measure measure)
{
    const struct lmm_section *section = &lmm_sections[measure];
    const struct lmm_grid_column columns[] = {
        {.heading = "", .width_min = LMM_SHEET_FIRST}, {.heading = section->first, .right = true},
        {.heading = section->share, .right = true},    {.heading = section->second, .right = true},
        {.heading = "stacks", .right = true},          {.heading = "line"},
    };
    const struct lmm_grid_column leak_columns[] = {
        {.heading = ""}, {.heading = ""}, {.heading = ""}};
    struct lmm_rows rows = lmm_rows_order(sheet, section);
    struct lmm_grid grid;

    if (rows.count == 0) {
        return;
    }
    if (sheet->run->leaks_only) {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(leak_columns), LMM_SHEET_INDENT, sheet->sink);
    } else {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
    }
    for (size_t i = 0; i < rows.shown; i++) {
        lmm_rows_add(&rows, &grid, i);
    }
    if (sheet->run->leaks_only) {
        lmm_grid_put_headings(&grid); /* an empty line */
    } else {
        lmm_sheet_headings(sheet, &grid, title_of(&rows));
    }
    for (size_t i = 0; i < rows.shown; i++) {
        lmm_rows_add(&rows, &grid, i);
        lmm_rows_put_stacks(&rows, &rows.spots[i], lmm_spot_traces(&rows.spots[i], measure));
    }
    struct lmm_rows_rest rest = lmm_rows_rest(&rows);

    lmm_rows_put_rest(sheet->sink, &rest, section->first_is_bytes, "--full");
}

/* ---- The leak check -------------------------------------------------------------------------- */

/* Puts "       at 0x7f0000000040, 0x7f0000000080": blocks of the class of the section. */
static void put_examples(const struct lmm_rows *rows, const struct lmm_spot *spot,
                         enum lmm_model_class kind)
{
    const struct lmm_model_losses *losses = spot->traces[0].losses;

    for (uint32_t i = 0; losses != NULL && i < losses->leak_count; i++) {
        const struct lmm_model_leak *leak = &losses->leaks[i];

        if (leak->kind == kind && leak->example_count > 0) {
            lmm_sink_pad(rows->sheet->sink, LMM_SECTION_INDENT);
            for (uint32_t k = 0; k < leak->example_count; k++) {
                lmm_sink_printf(rows->sheet->sink, "%s0x%" PRIx64, k == 0 ? "at " : ", ",
                                leak->examples[k]);
            }
            lmm_sink_puts(rows->sheet->sink, "\n");
            return;
        }
    }
}

/* Puts suppressions of the stacks that are shown, if they are wanted. */
static void put_generated(const struct lmm_rows *rows, const struct lmm_spot *spot,
                          enum lmm_model_class kind)
{
    size_t stacks = lmm_spot_traces(spot, rows->section->measure);
    size_t most = rows->sheet->run->bounds.stacks;

    for (size_t i = 0; rows->sheet->run->generates && i < stacks && i < most; i++) {
        lmm_sheet_generated(rows->sheet, spot->traces[i].site, kind);
    }
}

/* One table of losses: in a check for leaks of one class, else of all. */
struct losses {
    struct lmm_grid grid;
    size_t ranked;
    struct lmm_rows_rest rest;
    bool is_measured; /* the grid knows its widths; rows are put */
};

/* Adds, or puts, the rows of a class. */
static void pass_class(const struct lmm_sheet *sheet, struct losses *losses, size_t which)
{
    enum lmm_model_class kind = loss_sections[which].kind;
    struct lmm_rows rows = lmm_rows_order(sheet, &lmm_sections[loss_sections[which].measure]);
    size_t most = sheet->run->bounds.rows;
    size_t room = most > losses->ranked ? most - losses->ranked : 0;

    rows.ranked = losses->ranked;
    rows.shown = rows.shown < room ? rows.shown : room;
    for (size_t i = 0; i < rows.shown; i++) {
        lmm_rows_add(&rows, &losses->grid, i);
        if (losses->is_measured) {
            lmm_rows_put_stacks(&rows, &rows.spots[i],
                                lmm_spot_traces(&rows.spots[i], rows.section->measure));
        }
        if (losses->is_measured && sheet->run->leaks_only) {
            put_examples(&rows, &rows.spots[i], kind);
            put_generated(&rows, &rows.spots[i], kind);
        }
    }
    struct lmm_rows_rest rest = lmm_rows_rest(&rows);

    losses->ranked += rows.shown;
    losses->rest.lines += rest.lines;
    losses->rest.stacks += rest.stacks;
    losses->rest.amount += rest.amount;
}

static bool is_listed(const struct lmm_sheet *sheet, size_t which)
{
    return (sheet->run->shown_classes & 1u << loss_sections[which].kind) != 0 &&
           lmm_spots_count(sheet->process->spots, loss_sections[which].measure) > 0;
}

/* Passes through the classes [from, to) of one table, with rows numbered from `ranked` on. */
static void pass(const struct lmm_sheet *sheet, struct losses *losses, size_t ranked, size_t from,
                 size_t to)
{
    losses->ranked = ranked;
    losses->rest = (struct lmm_rows_rest) {0, 0, 0};
    for (size_t i = from; i < to; i++) {
        if (is_listed(sheet, i)) {
            pass_class(sheet, losses, i);
        }
    }
    if (losses->is_measured) {
        lmm_rows_put_rest(sheet->sink, &losses->rest, true,
                          sheet->run->leaks_only ? "--full" : "--leaks");
    }
}

/* Each class has a table of its own; the rows are numbered through. */
static void put_loss_tables(const struct lmm_sheet *sheet)
{
    static const struct lmm_grid_column columns[] = {
        {.heading = ""}, {.heading = ""}, {.heading = ""}};
    struct losses losses = {.ranked = 0};

    for (size_t i = 0; i < sizeof(loss_sections) / sizeof(loss_sections[0]); i++) {
        size_t ranked = losses.ranked;

        if (!is_listed(sheet, i)) {
            continue;
        }
        lmm_grid_init(&losses.grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
        losses.is_measured = false;
        pass(sheet, &losses, ranked, i, i + 1);
        if (i == 0) {
            lmm_grid_put_headings(&losses.grid); /* an empty line */
        } else {
            lmm_sink_printf(sheet->sink, "\n%s", lmm_sections[loss_sections[i].measure].title);
            lmm_grid_put_headings(&losses.grid);
        }
        losses.is_measured = true;
        pass(sheet, &losses, ranked, i, i + 1);
    }
}

void lmm_sheet_losses(const struct lmm_sheet *sheet)
{
    static const struct lmm_grid_column columns[] = {
        {.heading = "", .width_min = LMM_SHEET_FIRST},
        {.heading = "bytes", .right = true},
        {.heading = "blocks", .right = true},
        {.heading = "kind"},
        {.heading = "line"},
    };
    const size_t count = sizeof(loss_sections) / sizeof(loss_sections[0]);
    struct losses losses = {.ranked = 0};

    if (sheet->run->leaks_only) {
        put_loss_tables(sheet);
        return;
    }
    lmm_grid_init(&losses.grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
    pass(sheet, &losses, 0, 0, count);
    if (losses.ranked > 0) {
        lmm_sheet_headings(sheet, &losses.grid, "Lost");
        losses.is_measured = true;
        pass(sheet, &losses, 0, 0, count);
    }
}
