/* SPDX-License-Identifier: MIT */
/* run_types: the section of types: those with most bytes at the peak, then what has no type, and why. */
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/sink.h"
#include "reporter/core/site_type.h"
#include "reporter/core/words.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/type_rows.h"
#include "reporter/program/symbols/gap_note.h"

enum {
    TYPE_COLUMNS = 40,
    WHOLE_SIZES = 10000,  /* smaller sizes are numbers of bytes */
    FEW_REASONS = 2,      /* of a brief report */
    LEAST_PERMILLE = 100, /* of the bytes at the peak must have a type in a brief report */
};

static const struct lmm_grid_column columns[] = {
    {.heading = "", .width_min = LMM_SHEET_FIRST},
    {.heading = "bytes", .right = true},
    {.heading = "share", .right = true},
    {.heading = "blocks", .right = true},
    {.heading = "size", .right = true},
    {.heading = "lines", .right = true},
    {.heading = "largest at"},
};

struct section {
    const struct lmm_sheet *sheet;
    const struct lmm_type_rows *rows;
    uint64_t total;
    size_t types;   /* rows that are shown: of types */
    size_t reasons; /* and of what has no type */
};

/* ---- Rows ------------------------------------------------------------------------------------ */

static void add_figures(const struct section *section, struct lmm_grid *grid, uint64_t bytes,
                        uint64_t blocks)
{
    lmm_sheet_bytes(section->sheet, grid, bytes);
    lmm_grid_share(grid, lmm_model_permille(bytes, section->total), section->total);
    lmm_grid_count(grid, blocks);
}

/* Adds the size of a block, on average: "134", or "64.0 MiB". */
static void add_size(struct lmm_grid *grid, const struct lmm_model_site *row)
{
    uint64_t bytes = row->peak_blocks == 0 ? 0 : row->peak_bytes / row->peak_blocks;
    char cell[LMM_CELL_BYTES];

    lmm_write_size(cell, bytes);
    if (bytes < WHOLE_SIZES) {
        lmm_grid_count(grid, bytes);
    } else {
        lmm_grid_text(grid, cell);
    }
}

static void add_place(const struct section *section, struct lmm_grid *grid,
                      const struct lmm_model_site *site)
{
    size_t taken = lmm_grid_column(grid);
    size_t room = LMM_SHOWN_COLUMNS > taken + 1 ? LMM_SHOWN_COLUMNS - taken : 1;
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    lmm_grid_end_cell(grid, lmm_shown_put_place(&section->sheet->run->look, sink, site->file,
                                                site->line, site->function, room));
}

static void add_type(const struct section *section, struct lmm_grid *grid,
                     const struct lmm_model_site *row)
{
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    lmm_grid_end_cell(grid, lmm_shown_put_function(&section->sheet->run->look, sink,
                                                   row->type->name, TYPE_COLUMNS));
    add_figures(section, grid, row->peak_bytes, row->peak_blocks);
    add_size(grid, row);
    lmm_grid_count(grid, row->lines->count);
    add_place(section, grid, row->lines->largest_at_peak);
    lmm_grid_end_row(grid);
}

/* Returns "libssl.so.3: no debug information (libssl3-dbgsym has it)", to be freed; NULL: there is no
 * such reason. */
static char *reason_of(const struct section *section, const struct lmm_model_type *type)
{
    enum lmm_model_type_gap gap = lmm_site_type_gap(type);
    char *reason = NULL;

    if (gap == LMM_MODEL_TYPE_NO_DEBUG || gap == LMM_MODEL_TYPE_NO_FILE) {
        return lmm_gap_note_of_module(section->sheet->model, type->lacking,
                                      gap == LMM_MODEL_TYPE_NO_DEBUG);
    }
    if (lmm_site_type_lack(type) != NULL &&
        asprintf(&reason, "%.*s: %s", (int) type->lacking.bytes, type->lacking.text,
                 lmm_site_type_lack(type)) < 0) {
        reason = NULL;
    }
    return reason;
}

/* Adds what has no type for one reason. */
static void add_reason(const struct section *section, struct lmm_grid *grid,
                       const struct lmm_model_site *row)
{
    char *note = reason_of(section, row->type);

    lmm_grid_text(grid, "no type known");
    add_figures(section, grid, row->peak_bytes, row->peak_blocks);
    add_size(grid, row);
    lmm_grid_count(grid, row->lines->count);
    if (note != NULL) {
        lmm_grid_string(grid, lmm_string_of(note));
    } else {
        add_place(section, grid, row->lines->largest_at_peak);
    }
    lmm_grid_end_row(grid);
    free(note);
}

/* Adds a row for the rows [first, end), if there are any: "14 more types", or "no type known". */
static void add_rest(const struct section *section, struct lmm_grid *grid, size_t first, size_t end)
{
    bool are_types = first < section->rows->known;
    char words[LMM_CELL_BYTES];
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    struct lmm_sink *sink;

    for (size_t i = first; i < end; i++) {
        bytes = lmm_add_saturated(bytes, section->rows->items[i].site->peak_bytes);
        blocks = lmm_add_saturated(blocks, section->rows->items[i].site->peak_blocks);
    }
    if (first == end) {
        return;
    }
    char *number = lmm_write_count(words, end - first);

    if (are_types) {
        snprintf(number, (size_t) (words + sizeof(words) - number), " more %s",
                 lmm_plural(end - first, "type", "types"));
    }
    lmm_grid_text(grid, are_types ? words : "no type known");
    add_figures(section, grid, bytes, blocks);
    lmm_grid_text(grid, "");
    lmm_grid_text(grid, "");
    sink = lmm_grid_begin_cell(grid);
    size_t width = are_types ? 0 : lmm_put_string(sink, lmm_string_of(words));

    width += lmm_put_string(sink, lmm_string_of(are_types ? "--full" : " more reasons: --full"));
    lmm_grid_end_cell(grid, width);
    lmm_grid_end_row(grid);
}

static void add_rows(const struct section *section, struct lmm_grid *grid)
{
    const struct lmm_type_rows *rows = section->rows;

    for (size_t i = 0; i < section->types; i++) {
        add_type(section, grid, rows->items[i].site);
    }
    add_rest(section, grid, section->types, rows->known);
    for (size_t i = 0; i < section->reasons; i++) {
        add_reason(section, grid, rows->items[rows->known + i].site);
    }
    add_rest(section, grid, rows->known + section->reasons, rows->count);
}

/* ---- The section ----------------------------------------------------------------------------- */

/* Returns how many of the types are shown: not those below the least share, except the first. */
static size_t shown_types(const struct section *section)
{
    const struct lmm_run_report_bounds *bounds = &section->sheet->run->bounds;
    size_t most = section->rows->known < bounds->rows ? section->rows->known : bounds->rows;
    size_t shown = 0;

    while (shown < most) {
        uint64_t bytes = section->rows->items[shown].site->peak_bytes;

        if (shown > 0 && lmm_model_permille(bytes, section->total) < bounds->least_permille) {
            break;
        }
        shown++;
    }
    return shown;
}

bool lmm_sheet_has_types(const struct lmm_sheet *sheet)
{
    uint64_t total = sheet->process->spots->total.peak_bytes;
    bool has_some = sheet->types != NULL && sheet->types->known > 0;
    bool is_selected = sheet->process->spots->types != NULL; /* by --type */

    return has_some && (!sheet->run->look.is_brief || is_selected ||
                        lmm_model_permille(sheet->types->known_bytes, total) >= LEAST_PERMILLE);
}

void lmm_sheet_types(const struct lmm_sheet *sheet)
{
    struct section section = {
        .sheet = sheet, .rows = sheet->types, .total = sheet->process->spots->total.peak_bytes};
    struct lmm_grid grid;

    if (!lmm_sheet_has_types(sheet)) {
        return;
    }
    section.types = shown_types(&section);
    section.reasons = sheet->types->count - sheet->types->known;
    if (sheet->run->look.is_brief && section.reasons > FEW_REASONS) {
        section.reasons = FEW_REASONS - 1; /* and a row for the others */
    }
    lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), LMM_SHEET_INDENT, sheet->sink);
    add_rows(&section, &grid);
    lmm_sheet_headings(sheet, &grid, "Types at the peak");
    add_rows(&section, &grid);
}
