/* SPDX-License-Identifier: MIT */
/* run_rows: sections whose rows are spots, with stacks below them. See run_page.h for the contract. */
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/program/base/grid.h"
#include "reporter/program/base/names.h"
#include "reporter/program/report/run_page.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_stacks.h"
#include "reporter/program/report/spots.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

enum {
    RANK,
    FIRST,
    SHARE,
    SECOND,
    STACKS,
    PLACE,
    SPOT_COLUMNS,
};

struct section {
    const char *title;
    enum lmm_measure measure;
    bool first_is_bytes; /* and the second a count; else the other way round */
    bool second_is_bytes;
    bool is_share_of_own; /* of the row's second figure, not of the section's first */
    struct lmm_grid_column columns[SPOT_COLUMNS];
};

static const struct section sections[] = {
    [LMM_MEASURE_PEAK] = {"Peak consumers",
                          LMM_MEASURE_PEAK,
                          true,
                          false,
                          false,
                          {{"", true},
                           {"at the peak", true},
                           {"share", true},
                           {"blocks", true},
                           {"stacks", true},
                           {"allocated at", false}}},
    [LMM_MEASURE_ALLOCATIONS] = {"Most allocating sites",
                                 LMM_MEASURE_ALLOCATIONS,
                                 false,
                                 true,
                                 false,
                                 {{"", true},
                                  {"allocations", true},
                                  {"share", true},
                                  {"in bytes", true},
                                  {"stacks", true},
                                  {"allocated at", false}}},
    [LMM_MEASURE_LEAKS] = {"Leaks",
                           LMM_MEASURE_LEAKS,
                           true,
                           false,
                           false,
                           {{"", true},
                            {"leaked", true},
                            {"share", true},
                            {"blocks", true},
                            {"stacks", true},
                            {"allocated at", false}}},
    [LMM_MEASURE_TEMPORARIES] = {"Temporary allocations",
                                 LMM_MEASURE_TEMPORARIES,
                                 false,
                                 false,
                                 true,
                                 {{"", true},
                                  {"temporary", true},
                                  {"share", true},
                                  {"of allocations", true},
                                  {"stacks", true},
                                  {"allocated at", false}}},
};

/* Returns where a spot is, as text reports print it; NULL: memory ran out. */
static char *place_of(const struct lmm_model_site *site)
{
    char *place = lmm_name_place(site->file, site->line, site->function);
    char *family = site->stack == 0 ? lmm_name_escaped(site->family->name) : NULL;
    char *both = NULL;

    if (site->stack != 0) {
        return place;
    }
    if (place != NULL && family != NULL && asprintf(&both, "%s of %s", place, family) < 0) {
        both = NULL;
    }
    free(place);
    free(family);
    return both;
}

static void fill_figure(struct lmm_grid *grid, uint64_t value, bool is_bytes)
{
    if (is_bytes) {
        lmm_grid_bytes(grid, value);
    } else {
        lmm_grid_count(grid, value);
    }
}

static void fill_row(struct lmm_grid *grid, const struct section *section, size_t rank,
                     const struct lmm_spot *spot, uint64_t total)
{
    uint64_t first = lmm_tally_first(&spot->tally, section->measure);
    uint64_t second = lmm_tally_second(&spot->tally, section->measure);

    lmm_grid_line(grid);
    lmm_grid_count(grid, rank);
    fill_figure(grid, first, section->first_is_bytes);
    lmm_grid_share(grid, first, section->is_share_of_own ? second : total);
    fill_figure(grid, second, section->second_is_bytes);
    lmm_grid_count(grid, lmm_spot_traces(spot, section->measure));
    lmm_grid_text(grid, place_of(spot->site));
}

static void put_figure(const struct lmm_page *page, uint64_t value, const struct section *section)
{
    if (section->first_is_bytes) {
        lmm_page_bytes(page, value);
    } else {
        lmm_page_count(page, value, "allocation", "allocations");
    }
}

/* The stacks of a row: the one that has most of it, or all. */
static void put_stacks(const struct lmm_page *page, const struct section *section,
                       const struct lmm_spot *spot)
{
    size_t count = lmm_spot_traces(spot, section->measure);
    size_t shown = page->run->leaks_only || count < 1 ? count : 1;

    for (size_t i = 0; i < shown; i++) {
        const struct lmm_trace *trace = &spot->traces[i];

        if (trace->site->stack == 0) {
            continue;
        }
        lmm_sink_puts(page->sink, "      ");
        if (count > 1) {
            put_figure(page, lmm_tally_first(&trace->tally, section->measure), section);
            lmm_sink_puts(page->sink, " from ");
        }
        lmm_run_stacks_put(page->stacks, page->model, trace->site->stack, page->sink);
    }
    if (shown < count) {
        lmm_sink_printf(page->sink, "      and %zu other %s\n", count - shown,
                        lmm_plural(count - shown, "stack", "stacks"));
    }
}

/* What stands behind the rows that are shown. */
static void put_rest(const struct lmm_page *page, const struct section *section, size_t shown,
                     size_t count)
{
    uint64_t rest = 0;

    for (size_t i = shown; i < count; i++) {
        rest += lmm_tally_first(&page->process->spots->items[i].tally, section->measure);
    }
    if (shown < count) {
        lmm_sink_printf(page->sink, "  ... and %zu more %s with ", count - shown,
                        lmm_plural(count - shown, "place", "places"));
        put_figure(page, rest, section);
        lmm_sink_puts(page->sink, "\n");
    }
}

/* Returns how many of a section's rows are shown, of `count` in their order. */
static size_t shown_of(const struct lmm_page *page, enum lmm_measure measure, size_t count)
{
    const struct lmm_spots *spots = page->process->spots;
    uint64_t total = lmm_tally_first(&spots->total, measure);
    size_t most = count < page->run->top ? count : page->run->top;
    size_t shown = 0;

    if (measure == LMM_MEASURE_LEAKS || page->run->least_permille == 0) {
        return most;
    }
    while (shown < most) {
        uint64_t part = lmm_tally_first(&spots->items[shown].tally, measure);

        if (shown > 0 && lmm_model_permille(part, total) < page->run->least_permille) {
            break;
        }
        shown++;
    }
    return shown;
}

void lmm_page_rows(const struct lmm_page *page, enum lmm_measure measure)
{
    const struct section *section = &sections[measure];
    struct lmm_spots *spots = page->process->spots;
    size_t count = lmm_spots_order(spots, measure);
    size_t shown = shown_of(page, measure, count);
    bool is_leaks = measure == LMM_MEASURE_LEAKS;
    struct lmm_grid *grid =
        count == 0 ? NULL : lmm_grid_new(section->columns, (size_t) SPOT_COLUMNS);

    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < shown; i++) {
        fill_row(grid, section, i + 1, &spots->items[i], lmm_tally_first(&spots->total, measure));
    }
    lmm_page_heading(page, is_leaks && !lmm_page_has_ended_well(page) ? "Live at the end"
                                                                      : section->title);
    lmm_grid_put_headings(grid, page->sink);
    for (size_t i = 0; i < shown; i++) {
        lmm_grid_put_line(grid, i, page->sink);
        put_stacks(page, section, &spots->items[i]);
    }
    put_rest(page, section, shown, count);
    lmm_grid_free(grid);
}
