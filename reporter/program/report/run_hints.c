/* SPDX-License-Identifier: MIT */
/* run_hints: the section of hints: what would save most bytes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/grid.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"

static const struct lmm_grid_column columns[] = {
    {.heading = "", .width_min = LMM_SHEET_FIRST},
    {.heading = "saves", .right = true},
    {.heading = "what to do (lmm diet --last --type TYPE shows a struct)"},
};

static void add_hint(const struct lmm_sheet *sheet, struct lmm_grid *grid, size_t index)
{
    const struct lmm_hint *hint = &sheet->process->diet->hints[index];
    size_t taken;
    char cell[LMM_CELL_BYTES];
    char *line;

    snprintf(cell, sizeof(cell), "%zu", index + 1);
    lmm_grid_text(grid, cell);
    lmm_sheet_bytes(sheet, grid, hint->saves_bytes);
    taken = lmm_grid_column(grid);
    line = lmm_hint_line(hint, sheet->run->look.is_whole || taken >= LMM_SHOWN_COLUMNS
                                   ? SIZE_MAX
                                   : LMM_SHOWN_COLUMNS - taken);
    if (line == NULL) {
        sheet->sink->error = sheet->sink->error != 0 ? sheet->sink->error : -ENOMEM;
    }
    lmm_grid_string(grid, lmm_string_of(line == NULL ? "" : line));
    lmm_grid_end_row(grid);
    free(line);
}

void lmm_sheet_hints(const struct lmm_sheet *sheet)
{
    const struct lmm_diet *diet = sheet->process->diet;
    size_t count = diet == NULL ? 0 : lmm_diet_brief_count(diet);
    struct lmm_grid grid;

    if (count == 0) {
        return;
    }
    lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
    for (size_t i = 0; i < count; i++) {
        add_hint(sheet, &grid, i);
    }
    lmm_sheet_headings(sheet, &grid, "Hints");
    for (size_t i = 0; i < count; i++) {
        add_hint(sheet, &grid, i);
    }
}
