/* SPDX-License-Identifier: MIT */
/* run_rows: the sections whose rows are spots, with stacks below them. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/shown_stacks.h"
#include "reporter/program/report/spots.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

enum {
    STACK_INDENT = 7,
    FAMILY_COLUMNS = 40,
    TYPE_COLUMNS = 40,
    LONG_STACKS = 2, /* rows of a brief report, after which each stack has one line */
    FEW_ROWS = 3,    /* of the later sections of a brief report */
};

struct section {
    const char *title;
    enum lmm_measure measure;
    bool first_is_bytes; /* false: the first figure is a count */
    bool second_is_bytes;
    bool is_share_of_own; /* share of the row's second figure, not of the section's total */
    bool is_short;        /* it has few rows in a brief report */
    size_t stack_lines;   /* of a stack in a brief report; 0: it has no stacks of its own */
    const char *first;    /* headings of the figures */
    const char *share;
    const char *second;
    const char *kind; /* of the blocks of a leak check; NULL: it is no section of one */
};

static const struct section sections[LMM_MEASURES] = {
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

/* One section of one report. */
struct rows {
    const struct lmm_sheet *sheet;
    const struct section *section;
    const struct lmm_spot *spots; /* in order, as many as are shown */
    uint64_t total;
    size_t shown;
    size_t count;  /* with a figure above 0 */
    size_t ranked; /* rows of earlier sections that are counted on */
};

/* ---- Stacks ---------------------------------------------------------------------------------- */

/* Returns whether stacks that were not printed before are printed below the rows. */
static bool has_stacks(const struct rows *rows)
{
    const struct lmm_run_report *run = rows->sheet->run;

    return rows->section->stack_lines > 0 || !run->look.is_brief;
}

/* Returns the number of the stack that a row names in its own line, because it is the only one
 * that the row shows, and was printed before; 0: none. */
static size_t reference_of(const struct rows *rows, const struct lmm_spot *spot)
{
    bool is_only = rows->sheet->run->bounds.stacks < 2 || spot->trace_count < 2;

    return is_only ? lmm_shown_stacks_number(rows->sheet->stacks, spot->traces[0].site->stack) : 0;
}

/* Puts "2.0 KiB from ", the part of a row that a stack has. Returns how many columns. */
static size_t put_part(const struct rows *rows, const struct lmm_trace *trace,
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
static size_t put_reference(const struct rows *rows, const struct lmm_spot *spot, size_t stacks,
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
static size_t lines_of(const struct rows *rows, const struct lmm_spot *spot)
{
    if (!rows->sheet->run->look.is_brief) {
        return SIZE_MAX;
    }
    return spot - rows->spots < LONG_STACKS ? rows->section->stack_lines : 1;
}

/* Puts the stacks below a row of so many. */
static void put_stacks(const struct rows *rows, const struct lmm_spot *spot, size_t stacks)
{
    const struct lmm_sheet *sheet = rows->sheet;
    size_t most = sheet->run->bounds.stacks;
    size_t lines = lines_of(rows, spot);
    bool is_done = !has_stacks(rows) || reference_of(rows, spot) != 0;

    for (size_t i = 0; i < stacks && i < most && !is_done; i++) {
        const struct lmm_trace *trace = &spot->traces[i];
        size_t columns = STACK_INDENT;

        if (trace->site->stack == 0) {
            continue;
        }
        lmm_sink_pad(sheet->sink, STACK_INDENT);
        columns += stacks > 1 ? put_part(rows, trace, sheet->sink) : 0;
        lmm_shown_stacks_put(sheet->stacks, sheet->model, trace->site->stack, columns, lines,
                             sheet->sink);
        lmm_sink_puts(sheet->sink, "\n");
    }
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void add_figure(const struct rows *rows, struct lmm_grid *grid, uint64_t value,
                       bool is_bytes)
{
    if (is_bytes) {
        lmm_sheet_bytes(rows->sheet, grid, value);
    } else {
        lmm_grid_count(grid, value);
    }
}

/* Puts " of malloc-48" for a site without stacks: one place may allocate several families. */
static size_t put_family(const struct rows *rows, const struct lmm_model_site *site,
                         struct lmm_sink *sink)
{
    if (site->stack != 0) {
        return 0;
    }
    return lmm_put_string(sink, lmm_string_of(" of ")) +
           lmm_shown_put_function(&rows->sheet->run->look, sink, site->family->name,
                                  FAMILY_COLUMNS);
}

/* Puts "   struct node" in a row of lost blocks, if that is known. */
static size_t put_type(const struct rows *rows, const struct lmm_spot *spot, struct lmm_sink *sink)
{
    const struct lmm_model_type *type =
        rows->section->kind == NULL ? NULL : lmm_spot_type(spot, rows->section->measure);

    if (type == NULL || !lmm_site_type_is_known(type)) {
        return 0;
    }
    return lmm_put_string(sink, lmm_string_of("   ")) +
           lmm_shown_put_function(&rows->sheet->run->look, sink, type->name, TYPE_COLUMNS);
}

/* Adds the place of a spot, what it allocates, the stack that it refers to, and its id. */
static void add_place(const struct rows *rows, struct lmm_grid *grid, const struct lmm_spot *spot,
                      size_t stacks)
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

static void add_row(const struct rows *rows, struct lmm_grid *grid, size_t index)
{
    const struct section *section = rows->section;
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
static void add_leak(const struct rows *rows, struct lmm_grid *grid, size_t index)
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
static void add_loss(const struct rows *rows, struct lmm_grid *grid, size_t index)
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

static void add_any(const struct rows *rows, struct lmm_grid *grid, size_t index)
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
static size_t hidden_stacks(const struct rows *rows)
{
    size_t most = has_stacks(rows) ? rows->sheet->run->bounds.stacks : 1;
    size_t hidden = 0;

    for (size_t i = 0; i < rows->shown; i++) {
        size_t stacks = lmm_spot_traces(&rows->spots[i], rows->section->measure);

        hidden += stacks > most ? stacks - most : 0;
    }
    return hidden;
}

/* What is left out. */
struct rest {
    size_t lines;
    size_t stacks;
    uint64_t amount; /* of the lines */
};

static struct rest rest_of(const struct rows *rows)
{
    enum lmm_measure measure = rows->section->measure;
    struct lmm_tally sum;

    lmm_spots_rest(rows->sheet->process->spots, measure, rows->shown, &sum);
    return (struct rest) {rows->count - rows->shown, hidden_stacks(rows),
                          lmm_tally_first(&sum, measure)};
}

/* Puts "  ... 3 more lines with 2.0 KiB, 8 more stacks: --full", if anything is left out. */
static void put_rest(struct lmm_sink *sink, const struct rest *rest, bool is_bytes,
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
static size_t most_of(const struct rows *rows)
{
    const struct lmm_run_report *run = rows->sheet->run;
    size_t most = rows->count < run->bounds.rows ? rows->count : run->bounds.rows;
    bool is_short = rows->section->is_short || (rows->section->measure == LMM_MEASURE_PEAK &&
                                                lmm_sheet_has_types(rows->sheet));
    bool has_few = is_short && run->look.is_brief && run->bounds.least_permille > 0;

    return has_few && most > FEW_ROWS ? (size_t) FEW_ROWS : most;
}

/* Returns how many of the rows, which are in order, are shown. */
static size_t shown_of(const struct rows *rows)
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

static struct rows order(const struct lmm_sheet *sheet, const struct section *section)
{
    struct lmm_spots *spots = sheet->process->spots;
    struct rows rows = {.sheet = sheet, .section = section, .spots = spots->items};

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

static const char *title_of(const struct rows *rows)
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
    const struct section *section = &sections[measure];
    const struct lmm_grid_column columns[] = {
        {.heading = "", .width_min = LMM_SHEET_FIRST}, {.heading = section->first, .right = true},
        {.heading = section->share, .right = true},    {.heading = section->second, .right = true},
        {.heading = "stacks", .right = true},          {.heading = "line"},
    };
    const struct lmm_grid_column leak_columns[] = {
        {.heading = ""}, {.heading = ""}, {.heading = ""}};
    struct rows rows = order(sheet, section);
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
        add_any(&rows, &grid, i);
    }
    if (sheet->run->leaks_only) {
        lmm_grid_put_headings(&grid); /* an empty line */
    } else {
        lmm_sheet_headings(sheet, &grid, title_of(&rows));
    }
    for (size_t i = 0; i < rows.shown; i++) {
        add_any(&rows, &grid, i);
        put_stacks(&rows, &rows.spots[i], lmm_spot_traces(&rows.spots[i], measure));
    }
    struct rest rest = rest_of(&rows);

    put_rest(sheet->sink, &rest, section->first_is_bytes, "--full");
}

/* ---- The leak check -------------------------------------------------------------------------- */

/* Puts "       at 0x7f0000000040, 0x7f0000000080": blocks of the class of the section. */
static void put_examples(const struct rows *rows, const struct lmm_spot *spot,
                         enum lmm_model_class kind)
{
    const struct lmm_model_losses *losses = spot->traces[0].losses;

    for (uint32_t i = 0; losses != NULL && i < losses->leak_count; i++) {
        const struct lmm_model_leak *leak = &losses->leaks[i];

        if (leak->kind == kind && leak->example_count > 0) {
            lmm_sink_pad(rows->sheet->sink, STACK_INDENT);
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
static void put_generated(const struct rows *rows, const struct lmm_spot *spot,
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
    struct rest rest;
    bool is_measured; /* the grid knows its widths; rows are put */
};

/* Adds, or puts, the rows of a class. */
static void pass_class(const struct lmm_sheet *sheet, struct losses *losses, size_t which)
{
    enum lmm_model_class kind = loss_sections[which].kind;
    struct rows rows = order(sheet, &sections[loss_sections[which].measure]);
    size_t most = sheet->run->bounds.rows;
    size_t room = most > losses->ranked ? most - losses->ranked : 0;

    rows.ranked = losses->ranked;
    rows.shown = rows.shown < room ? rows.shown : room;
    for (size_t i = 0; i < rows.shown; i++) {
        add_any(&rows, &losses->grid, i);
        if (losses->is_measured) {
            put_stacks(&rows, &rows.spots[i],
                       lmm_spot_traces(&rows.spots[i], rows.section->measure));
        }
        if (losses->is_measured && sheet->run->leaks_only) {
            put_examples(&rows, &rows.spots[i], kind);
            put_generated(&rows, &rows.spots[i], kind);
        }
    }
    struct rest rest = rest_of(&rows);

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
    losses->rest = (struct rest) {0, 0, 0};
    for (size_t i = from; i < to; i++) {
        if (is_listed(sheet, i)) {
            pass_class(sheet, losses, i);
        }
    }
    if (losses->is_measured) {
        put_rest(sheet->sink, &losses->rest, true, sheet->run->leaks_only ? "--full" : "--leaks");
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
            lmm_sink_printf(sheet->sink, "\n%s", sections[loss_sections[i].measure].title);
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
