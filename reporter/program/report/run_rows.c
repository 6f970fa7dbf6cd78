/* SPDX-License-Identifier: MIT */
/* run_rows: the sections whose rows are spots, with stacks below them. */
#include <assert.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/shown_stacks.h"
#include "reporter/program/report/spots.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

struct section {
    const char *title;
    enum lmm_measure measure;
    bool first_is_bytes; /* false: the first figure is a count */
    bool second_is_bytes;
    bool is_share_of_own; /* share of the row's second figure, not of the section's total */
    const char *first;    /* headings of the two figures */
    const char *second;
};

static const struct section sections[] = {
    [LMM_MEASURE_PEAK] = {"Peak consumers", LMM_MEASURE_PEAK, true, false, false, "at the peak",
                          "blocks"},
    [LMM_MEASURE_ALLOCATIONS] = {"Most allocating sites", LMM_MEASURE_ALLOCATIONS, false, true,
                                 false, "allocations", "in bytes"},
    [LMM_MEASURE_LEAKS] = {"Leaks", LMM_MEASURE_LEAKS, true, false, false, "leaked", "blocks"},
    [LMM_MEASURE_TEMPORARIES] = {"Temporary allocations", LMM_MEASURE_TEMPORARIES, false, false,
                                 true, "temporary", "of allocations"},
};

static void add_figure(struct lmm_grid *grid, uint64_t value, bool is_bytes)
{
    if (is_bytes) {
        lmm_grid_bytes(grid, value);
    } else {
        lmm_grid_count(grid, value);
    }
}

/* Adds the place of a spot; without stacks, also the family, because one place may allocate
 * several. */
static void add_place(struct lmm_grid *grid, const struct lmm_model_site *site)
{
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);
    size_t columns = lmm_put_place(sink, site->file, site->line, site->function);

    if (site->stack == 0) {
        columns += lmm_put_string(sink, lmm_string_of(" of "));
        columns += lmm_put_string(sink, site->family->name);
    }
    lmm_grid_end_cell(grid, columns);
}

static void add_row(struct lmm_grid *grid, const struct section *section, size_t rank,
                    const struct lmm_spot *spot, uint64_t total)
{
    uint64_t first = lmm_tally_first(&spot->tally, section->measure);
    uint64_t second = lmm_tally_second(&spot->tally, section->measure);
    uint64_t whole = section->is_share_of_own ? second : total;

    lmm_grid_count(grid, rank);
    add_figure(grid, first, section->first_is_bytes);
    lmm_grid_share(grid, lmm_model_permille(first, whole), whole);
    add_figure(grid, second, section->second_is_bytes);
    lmm_grid_count(grid, lmm_spot_traces(spot, section->measure));
    add_place(grid, spot->site);
    lmm_grid_end_row(grid);
}

static void put_figure(const struct lmm_sheet *sheet, uint64_t value, const struct section *section)
{
    if (section->first_is_bytes) {
        lmm_put_bytes(sheet->sink, value);
    } else {
        lmm_put_count(sheet->sink, value, "allocation", "allocations");
    }
}

static void put_stacks(const struct lmm_sheet *sheet, const struct section *section,
                       const struct lmm_spot *spot)
{
    size_t count = lmm_spot_traces(spot, section->measure);
    size_t shown = sheet->run->leaks_only || count < 1 ? count : 1;

    for (size_t i = 0; i < shown; i++) {
        const struct lmm_trace *trace = &spot->traces[i];

        if (trace->site->stack == 0) {
            continue;
        }
        lmm_sink_puts(sheet->sink, "      ");
        if (count > 1) {
            put_figure(sheet, lmm_tally_first(&trace->tally, section->measure), section);
            lmm_sink_puts(sheet->sink, " from ");
        }
        lmm_shown_stacks_put(sheet->stacks, sheet->model, trace->site->stack, sheet->sink);
    }
    if (shown < count) {
        lmm_sink_printf(sheet->sink, "      and %zu other %s\n", count - shown,
                        lmm_plural(count - shown, "stack", "stacks"));
    }
}

/* Puts the number and the sum of the rows that are not shown. */
static void put_rest(const struct lmm_sheet *sheet, const struct section *section, size_t shown,
                     size_t count)
{
    uint64_t rest = 0;

    for (size_t i = shown; i < count; i++) {
        rest += lmm_tally_first(&sheet->process->spots->items[i].tally, section->measure);
    }
    if (shown < count) {
        lmm_sink_printf(sheet->sink, "  ... and %zu more %s with ", count - shown,
                        lmm_plural(count - shown, "place", "places"));
        put_figure(sheet, rest, section);
        lmm_sink_puts(sheet->sink, "\n");
    }
}

static size_t shown_of(const struct lmm_sheet *sheet, enum lmm_measure measure, size_t count)
{
    const struct lmm_spots *spots = sheet->process->spots;
    uint64_t total = lmm_tally_first(&spots->total, measure);
    size_t most = count < sheet->run->top ? count : sheet->run->top;
    size_t shown = 0;

    if (measure == LMM_MEASURE_LEAKS || sheet->run->least_permille == 0) {
        return most;
    }
    while (shown < most) {
        uint64_t part = lmm_tally_first(&spots->items[shown].tally, measure);

        if (shown > 0 && lmm_model_permille(part, total) < sheet->run->least_permille) {
            break;
        }
        shown++;
    }
    assert(shown <= count);
    return shown;
}

static const char *title_of_leaks(const struct lmm_sheet *sheet)
{
    if (lmm_sheet_is_lost(sheet)) {
        return "Live when the ledger was lost";
    }
    return lmm_sheet_has_ended_well(sheet) ? sections[LMM_MEASURE_LEAKS].title : "Live at the end";
}

void lmm_sheet_rows(const struct lmm_sheet *sheet, enum lmm_measure measure)
{
    const struct section *section = &sections[measure];
    const struct lmm_grid_column columns[] = {
        {.heading = "", .right = true},       {.heading = section->first, .right = true},
        {.heading = "share", .right = true},  {.heading = section->second, .right = true},
        {.heading = "stacks", .right = true}, {.heading = "allocated at"},
    };
    struct lmm_spots *spots = sheet->process->spots;
    uint64_t total = lmm_tally_first(&spots->total, measure);
    size_t count = lmm_spots_count(spots, measure);

    lmm_spots_order(spots, measure, SIZE_MAX);
    size_t shown = shown_of(sheet, measure, count);
    bool is_leaks = measure == LMM_MEASURE_LEAKS;
    struct lmm_grid grid;

    if (count == 0) {
        return;
    }
    lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
    for (size_t i = 0; i < shown; i++) {
        add_row(&grid, section, i + 1, &spots->items[i], total);
    }
    lmm_sheet_heading(sheet, is_leaks ? title_of_leaks(sheet) : section->title);
    lmm_grid_put_headings(&grid);
    for (size_t i = 0; i < shown; i++) {
        lmm_spot_order(&spots->items[i], measure, sheet->run->leaks_only ? SIZE_MAX : 1);
        add_row(&grid, section, i + 1, &spots->items[i], total);
        put_stacks(sheet, section, &spots->items[i]);
    }
    put_rest(sheet, section, shown, count);
}
