/* SPDX-License-Identifier: MIT */
/* run_suppressed: the section of suppressions: how much each one left out. */
#include <stdio.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/verdict.h"

enum {
    PATTERN_COLUMNS = 60,
};

static const struct lmm_grid_column columns[] = {
    {.heading = "", .width_min = LMM_SHEET_FIRST},
    {.heading = "bytes", .right = true},
    {.heading = "blocks", .right = true},
    {.heading = "by"},
};

/* Whether the blocks of any process have classes; then these count. */
static bool is_any_classified(const struct lmm_run_report *run)
{
    for (size_t i = 0; i < run->process_count; i++) {
        if (lmm_process_is_classified(&run->processes[i])) {
            return true;
        }
    }
    return false;
}

static struct lmm_model_amount amount_of(const struct lmm_sheet *sheet,
                                         const struct lmm_suppression *item)
{
    return is_any_classified(sheet->run) ? item->checked
                                         : (struct lmm_model_amount) {item->blocks, item->bytes};
}

size_t lmm_sheet_suppression(const struct lmm_sheet *sheet, const struct lmm_suppression *item,
                             struct lmm_sink *sink)
{
    char where[LMM_CELL_BYTES];
    size_t used = 0;

    if (item->path != NULL) {
        snprintf(where, sizeof(where), ":%zu ", item->line);
        used += lmm_put_string(sink, lmm_model_last_component(lmm_string_of(item->path)));
        used += lmm_put_string(sink, lmm_string_of(where));
    }
    used += lmm_put_string(sink, lmm_string_of(lmm_suppression_prefix(item)));
    return used + lmm_shown_put_function(&sheet->run->look, sink, lmm_string_of(item->pattern),
                                         PATTERN_COLUMNS);
}

static void add(const struct lmm_sheet *sheet, struct lmm_grid *grid, size_t rank,
                const struct lmm_suppression *item)
{
    struct lmm_model_amount amount = amount_of(sheet, item);

    lmm_grid_count(grid, rank);
    lmm_sheet_bytes(sheet, grid, amount.bytes);
    lmm_grid_count(grid, amount.blocks);
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    lmm_grid_end_cell(grid, lmm_sheet_suppression(sheet, item, sink));
    lmm_grid_end_row(grid);
}

/* Adds the suppressions that matched, as many as rows are shown. Returns how many matched. */
static size_t add_all(const struct lmm_sheet *sheet, struct lmm_grid *grid)
{
    const struct lmm_suppressions *suppressions = sheet->run->suppressions;
    size_t rows = 0;

    for (size_t i = 0; i < suppressions->count; i++) {
        const struct lmm_suppression *item = &suppressions->items[i];

        if (amount_of(sheet, item).blocks > 0 && ++rows <= sheet->run->bounds.rows) {
            add(sheet, grid, rows, item);
        }
    }
    return rows;
}

enum { UNUSED_SHOWN = 4 };

/* Puts "  not used: known.txt:7 leak:foo, known.txt:9 leak:bar, and 12 more: --full". */
static void put_unused(const struct lmm_sheet *sheet, bool has_rows)
{
    const struct lmm_suppressions *suppressions = sheet->run->suppressions;
    size_t most = sheet->run->look.is_whole ? SIZE_MAX : UNUSED_SHOWN;
    size_t unused = 0;

    for (size_t i = 0; i < suppressions->count; i++) {
        const struct lmm_suppression *item = &suppressions->items[i];

        if (!item->is_built_in && !lmm_suppression_is_used(item) && unused++ < most) {
            const char *first = has_rows ? "  not used: " : "\n  not used: ";

            lmm_sink_puts(sheet->sink, unused == 1 ? first : ",\n            ");
            lmm_sheet_suppression(sheet, item, sheet->sink);
        }
    }
    if (unused > most) {
        lmm_sink_puts(sheet->sink, ",\n            and ");
        lmm_put_count(sheet->sink, unused - most, "other", "others");
        lmm_sink_puts(sheet->sink, ": --full");
    }
    lmm_sink_puts(sheet->sink, unused > 0 ? "\n" : "");
}

void lmm_sheet_suppressions(const struct lmm_sheet *sheet)
{
    struct lmm_grid grid;

    lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
    size_t rows = add_all(sheet, &grid);

    if (rows > 0) {
        lmm_sheet_headings(sheet, &grid, "Suppressed");
        add_all(sheet, &grid);
    }
    if (rows > sheet->run->bounds.rows) {
        size_t more = rows - sheet->run->bounds.rows;

        lmm_sink_printf(sheet->sink, "  ... %zu more %s: --full\n", more,
                        lmm_plural(more, "pattern", "patterns"));
    }
    put_unused(sheet, rows > 0);
}
