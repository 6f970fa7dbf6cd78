/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/core/stack.h"
#include "reporter/core/words.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/top/top_sheet.h"
#include "reporter/program/top/top_state.h"

enum {
    MARGIN = 1,     /* for the mark of the selected row, for terminals without colours */
    NAME_MIN = 16,  /* the name has at least so many columns; other columns are dropped for it */
    PLACE_MIN = 36, /* the same for a line or a stack */
    TREND_MIN = 8,
    TYPE_COLUMNS = 20, /* of the name of a type, before its lines */
};

enum format {
    COUNT,
    BYTES,
    PERMILLE,
    DURATION,
    BYTES_CHANGE, /* these two: with a sign; "-" before the second reading */
    COUNT_CHANGE,
    RATE, /* like COUNT, but "-" before the second reading */
    TREND,
    STATE,
};

enum when {
    ALWAYS,
    TOTALS,  /* while a reading is marked, and with --once */
    CHANGES, /* except with --once */
    PEAKS,   /* if the process has a peak of each site: under the drop-in */
    LOSSES,  /* after a leak check, in views that have losses */
};

struct column {
    const char *heading;
    enum format format;
    enum lmm_top_figure figure;
    uint8_t width; /* including a blank before it; TREND: the least */
    uint8_t rank;  /* narrow tables drop the columns with the largest ranks */
    enum when when;
};

static const struct column process_columns[] = {
    {"PID", COUNT, LMM_TOP_PID, 8, 0, ALWAYS},
    {"UP", DURATION, LMM_TOP_AGE, 12, 1, ALWAYS},
    {"BYTES", BYTES, LMM_TOP_BYTES, 9, 3, ALWAYS},
    {"STATE", STATE, LMM_TOP_FIGURES, 10, 2, ALWAYS},
    {NULL, COUNT, 0, 0, 0, ALWAYS},
};

static const struct column family_columns[] = {
    {"BYTES", BYTES, LMM_TOP_BYTES, 9, 0, ALWAYS},
    {"BLOCKS", COUNT, LMM_TOP_BLOCKS, 9, 1, ALWAYS},
    {"PEAK", BYTES, LMM_TOP_PEAK, 9, 10, ALWAYS},
    {"SLOTS", COUNT, LMM_TOP_SLOTS, 9, 8, ALWAYS},
    {"USE", PERMILLE, LMM_TOP_USE, 7, 7, ALWAYS},
    {"SIZE", BYTES, LMM_TOP_SIZE, 8, 5, ALWAYS},
    {"PAGES", COUNT, LMM_TOP_PAGES, 8, 9, ALWAYS},
    {"COMMIT", BYTES, LMM_TOP_COMMITTED, 9, 6, ALWAYS},
    {"MAPPED", BYTES, LMM_TOP_MAPPED, 9, 13, ALWAYS},
    {"SLOTS/PG", COUNT, LMM_TOP_PAGE_SLOTS, 9, 14, ALWAYS},
    {"BYTES/PG", BYTES, LMM_TOP_PAGE_BYTES, 9, 15, ALWAYS},
    {"ALLOCS", COUNT, LMM_TOP_ALLOCATIONS, 9, 2, TOTALS},
    {"FREES", COUNT, LMM_TOP_FREES, 9, 11, TOTALS},
    {"ALLOC/S", RATE, LMM_TOP_ALLOCATION_RATE, 9, 3, CHANGES},
    {"FREE/S", RATE, LMM_TOP_FREE_RATE, 9, 12, CHANGES},
    {"TREND", TREND, LMM_TOP_FIGURES, TREND_MIN + 1, 4, CHANGES},
    {NULL, COUNT, 0, 0, 0, ALWAYS},
};

static const struct column site_columns[] = {
    {"LOST", BYTES, LMM_TOP_LOST, 9, 1, LOSSES},
    {"BYTES", BYTES, LMM_TOP_BYTES, 9, 0, ALWAYS},
    {"+/S", BYTES_CHANGE, LMM_TOP_BYTES_RATE, 9, 4, CHANGES},
    {"BLOCKS", COUNT, LMM_TOP_BLOCKS, 9, 2, ALWAYS},
    {"+/S", COUNT_CHANGE, LMM_TOP_BLOCKS_RATE, 9, 7, CHANGES},
    {"PEAK", BYTES, LMM_TOP_PEAK, 9, 6, PEAKS},
    {"ALLOCS", COUNT, LMM_TOP_ALLOCATIONS, 9, 8, ALWAYS},
    {"FREES", COUNT, LMM_TOP_FREES, 9, 10, ALWAYS},
    {"ALLOC/S", RATE, LMM_TOP_ALLOCATION_RATE, 9, 3, CHANGES},
    {"FREE/S", RATE, LMM_TOP_FREE_RATE, 9, 9, CHANGES},
    {"TREND", TREND, LMM_TOP_FIGURES, TREND_MIN + 1, 5, CHANGES},
    {NULL, COUNT, 0, 0, 0, ALWAYS},
};

static const struct column *columns_of(enum lmm_top_view view)
{
    return view == LMM_TOP_PROCESSES  ? process_columns
           : view == LMM_TOP_FAMILIES ? family_columns
                                      : site_columns;
}

static size_t width_of(const struct column *column, size_t columns)
{
    if (column->format != TREND) {
        return column->width;
    }
    return columns >= 200   ? LMM_TOP_SAMPLES + 1
           : columns >= 100 ? 2 * TREND_MIN + 1
                            : column->width;
}

static bool applies(const struct column *column, const struct lmm_top *top)
{
    switch (column->when) {
    case TOTALS: return top->history.marked || top->once;
    case CHANGES: return !top->once;
    case LOSSES: return top->losses.time_ns != 0 && lmm_top_view_has_losses(top->view);
    case PEAKS: return top->source.snapshot->model->is_drop_in;
    default: return true;
    }
}

/* Returns the column with the smallest rank above *rank, and sets *rank to it; NULL: none. */
static const struct column *next_by_rank(const struct column *columns, int *rank)
{
    const struct column *found = NULL;

    for (const struct column *column = columns; column->heading != NULL; column++) {
        if (column->rank > *rank && (found == NULL || column->rank < found->rank)) {
            found = column;
        }
    }
    *rank = found == NULL ? *rank : found->rank;
    return found;
}

/* Returns a bit for each column that fits; columns are taken in the order of their rank. */
static uint32_t choose(const struct lmm_top *top, size_t columns)
{
    const struct column *all = columns_of(top->view);
    size_t used = MARGIN + (all == site_columns ? PLACE_MIN : NAME_MIN);
    uint32_t chosen = 0;
    int rank = -1;

    for (const struct column *column = next_by_rank(all, &rank); column != NULL;
         column = next_by_rank(all, &rank)) {
        if (!applies(column, top)) {
            continue;
        }
        used += width_of(column, columns);
        if (used > columns) {
            break;
        }
        chosen |= UINT32_C(1) << (column - all);
    }
    return chosen;
}

void lmm_top_table_heading(struct lmm_top_sheet *sheet, const struct lmm_top *top)
{
    static const char *const names[LMM_TOP_VIEWS] = {
        [LMM_TOP_PROCESSES] = "PROGRAM",
        [LMM_TOP_LINES] = "FILE:LINE FUNCTION",
        [LMM_TOP_FAMILIES] = "NAME",
        [LMM_TOP_SITES] = "FILE:LINE FUNCTION",
        [LMM_TOP_STACKS] = "STACK, INNERMOST CALL FIRST",
        [LMM_TOP_TYPES] = "TYPE",
        [LMM_TOP_TYPE_LINES] = "FILE:LINE FUNCTION",
    };
    const struct column *columns = columns_of(top->view);
    uint32_t chosen = choose(top, sheet->columns);

    lmm_top_pad_to(sheet, MARGIN);
    for (size_t i = 0; columns[i].heading != NULL; i++) {
        bool difference = top->history.marked && columns[i].figure <= LMM_TOP_FREES &&
                          top->view != LMM_TOP_PROCESSES;
        char heading[LMM_TOP_CELL_BYTES];

        if ((chosen >> i & 1) != 0) {
            snprintf(heading, sizeof(heading), "%s%s", difference ? "+" : "", columns[i].heading);
            lmm_top_put_right(sheet, heading, width_of(&columns[i], sheet->columns));
        }
    }
    lmm_top_put(sheet, " ");
    lmm_top_put(sheet, names[top->view]);
    lmm_top_pad_to(sheet, sheet->columns);
}

static void write_cell(const struct column *column, const struct lmm_top *top,
                       const struct lmm_top_row *row, char *cell)
{
    int64_t value = column->figure < LMM_TOP_FIGURES ? row->figure[column->figure] : 0;
    bool difference = top->history.marked && column->figure <= LMM_TOP_FREES;

    if (column->format == STATE) {
        snprintf(cell, LMM_TOP_CELL_BYTES, "%s", lmm_process_state_name(row->entry->state));
    } else if ((column->format >= BYTES_CHANGE && column->format <= RATE && !top->history.rated) ||
               (top->view == LMM_TOP_PROCESSES && value < 0)) {
        snprintf(cell, LMM_TOP_CELL_BYTES, "-");
    } else if (column->format == BYTES || column->format == BYTES_CHANGE) {
        lmm_top_write_bytes(cell, value, difference || column->format == BYTES_CHANGE);
    } else if (column->format == PERMILLE) {
        lmm_top_write_permille(cell, value, difference);
    } else if (column->format == DURATION) {
        lmm_top_write_duration(cell, (uint64_t) value);
    } else {
        lmm_top_write_count(cell, value, difference || column->format == COUNT_CHANGE);
    }
}

/* A path that is too long is cut to its last component, so that the line number stays on the
 * screen. */
static void put_site(struct lmm_top_sheet *sheet, const struct lmm_model_site *site)
{
    struct lmm_string file = site->file.bytes > 0 ? site->file : lmm_string_of("(unknown)");
    char line[LMM_TOP_CELL_BYTES] = "";
    size_t columns;

    if (site->line != 0) {
        snprintf(line, sizeof(line), ":%" PRIu32, site->line);
    }
    columns = lmm_top_string_columns(sheet, file) + strlen(line) + 1 +
              lmm_top_string_columns(sheet, site->function);
    if (sheet->line[sheet->used - 1].columns + columns > sheet->columns) {
        file = lmm_model_last_component(file);
    }
    lmm_top_put_string(sheet, file);
    lmm_top_put(sheet, line);
    if (site->function.bytes > 0) {
        lmm_top_put(sheet, " ");
        lmm_top_put_string(sheet, site->function);
    }
}

struct stack_cell {
    struct lmm_top_sheet *sheet;
    bool has_calls;
};

static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct stack_cell *cell = context;
    struct lmm_top_sheet *sheet = cell->sheet;
    struct lmm_string file = lmm_model_last_component(call->file);

    lmm_top_put(sheet, cell->has_calls ? " < " : "");
    cell->has_calls = true;
    lmm_top_put_string(sheet, call->function);
    if (call->line != 0) {
        lmm_top_put(sheet, " (");
        lmm_top_put_string(sheet, file);
        lmm_top_printf(sheet, ":%" PRIu32 ")", call->line);
    }
    return sheet->line[sheet->used - 1].columns < sheet->columns;
}

/* Puts as many calls as fit: "hire (hr.c:42) < main (hr.c:7)". */
static void put_stack(struct lmm_top_sheet *sheet, const struct lmm_top *top,
                      const struct lmm_model_site *site)
{
    struct stack_cell cell = {.sheet = sheet};

    lmm_stack_walk(top->source.snapshot->model, site->stack, SIZE_MAX, put_call, &cell);
}

/* Puts "struct node         parser.c:88 and 8 lines", or why there is no type. */
static void put_type(struct lmm_top_sheet *sheet, const struct lmm_top *top,
                     const struct lmm_top_row *row)
{
    struct lmm_top_lines lines = lmm_top_lines_of(top, row);
    size_t start = sheet->line[sheet->used - 1].columns;
    struct lmm_model_type type;

    lmm_site_type(top->source.snapshot->model, row->site, &type);
    lmm_top_put_string(sheet, row->name);
    if (lmm_site_type_lack(&type) != NULL) {
        lmm_top_printf(sheet, ": %s", lmm_site_type_lack(&type));
    }
    lmm_top_pad_to(sheet, start + TYPE_COLUMNS);
    lmm_top_put(sheet, "  ");
    lmm_top_put_string(sheet, lmm_model_last_component(lines.largest->file));
    if (lines.largest->line != 0) {
        lmm_top_printf(sheet, ":%" PRIu32, lines.largest->line);
    }
    if (lines.count > 1) {
        lmm_top_printf(sheet, " and %zu %s", lines.count - 1,
                       lmm_plural(lines.count - 1, "line", "lines"));
    }
}

void lmm_top_table_row(struct lmm_top_sheet *sheet, const struct lmm_top *top,
                       const struct lmm_top_row *row, bool selected)
{
    const struct column *columns = columns_of(top->view);
    uint32_t chosen = choose(top, sheet->columns);

    lmm_top_put(sheet, selected ? ">" : " ");
    for (size_t i = 0; columns[i].heading != NULL; i++) {
        size_t width = width_of(&columns[i], sheet->columns);
        char cell[LMM_TOP_CELL_BYTES];

        if ((chosen >> i & 1) != 0 && columns[i].format == TREND) {
            uint64_t samples[LMM_TOP_SAMPLES];
            size_t count = lmm_top_trend(top, row, samples);

            lmm_top_put(sheet, " ");
            lmm_top_put_sparkline(sheet, samples, count, width - 1);
        } else if ((chosen >> i & 1) != 0) {
            write_cell(&columns[i], top, row, cell);
            lmm_top_put_right(sheet, cell, width);
        }
    }
    lmm_top_put(sheet, " ");
    if (row->site != NULL && top->view == LMM_TOP_STACKS) {
        put_stack(sheet, top, row->site);
    } else if (top->view == LMM_TOP_TYPES) {
        put_type(sheet, top, row);
    } else if (row->site != NULL) {
        put_site(sheet, row->site);
    } else {
        lmm_top_put_string(sheet, row->name);
    }
    if (selected) {
        lmm_top_pad_to(sheet, sheet->columns);
    }
}
