/* SPDX-License-Identifier: MIT */
/* diet_text: a diet for people: a table of hints with bytes, one of those without, and structs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/grid.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/diet_print.h"

enum {
    TYPE_COLUMNS = 24,
    SMALL_PART = 10000, /* a hint that saves less of all bytes is left out, except the first */
};

static const struct lmm_grid_column byte_columns[] = {
    {.heading = "saves", .right = true, .width_min = 9},
    {.heading = "type"},
    {.heading = "now -> then"},
    {.heading = "live blocks", .right = true},
    {.heading = "what to do"},
};

static const struct lmm_grid_column peak_columns[] = {
    {.heading = "saves", .right = true, .width_min = 9},
    {.heading = "type"},
    {.heading = "now -> then"},
    {.heading = "peak blocks", .right = true},
    {.heading = "what to do"},
};

static const struct lmm_grid_column share_columns[] = {
    {.heading = "share", .right = true, .width_min = 9},
    {.heading = "type"},
    {.heading = "blocks", .right = true},
    {.heading = "what to look at"},
};

/* ---- Cells ----------------------------------------------------------------------------------- */

static void add_type(struct lmm_grid *grid, const struct lmm_diet_look *look,
                     const struct lmm_hint *hint)
{
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    lmm_grid_end_cell(
        grid, lmm_shown_put_function(&look->look, sink,
                                     lmm_string_of(hint->type[0] == '\0' ? "-" : hint->type),
                                     TYPE_COLUMNS));
}

/* Puts "net.h:31: " and the text, in so many columns, and returns how many it takes. */
static size_t put_text(const struct lmm_hint *hint, const struct lmm_look *look, size_t room,
                       struct lmm_sink *sink)
{
    size_t width = 0;

    if (hint->line != 0) {
        struct lmm_string file = look->is_whole ? hint->file : lmm_model_last_component(hint->file);

        width = lmm_shown_put_place(look, sink, file, hint->line, lmm_string_of(""), room / 2);
        width += lmm_put_string(sink, lmm_string_of(": "));
    }
    return width + lmm_shown_put_command(look, sink, lmm_string_of(hint->text),
                                         room > width ? room - width : 1);
}

static void add_text(struct lmm_grid *grid, const struct lmm_diet_look *look,
                     const struct lmm_hint *hint)
{
    size_t taken = lmm_grid_column(grid);
    size_t room = LMM_SHOWN_COLUMNS > taken + 1 ? LMM_SHOWN_COLUMNS - taken : 1;
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    lmm_grid_end_cell(grid, put_text(hint, &look->look, room, sink));
}

static void add_sizes(struct lmm_grid *grid, const struct lmm_hint *hint)
{
    char cell[LMM_CELL_BYTES];

    if (hint->before_bytes == 0) {
        lmm_grid_text(grid, "-");
        return;
    }
    snprintf(cell, sizeof(cell), "%" PRIu64 " -> %" PRIu64, hint->before_bytes, hint->after_bytes);
    lmm_grid_text(grid, cell);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void add_byte_rows(struct lmm_grid *grid, const struct lmm_diet *diet,
                          const struct lmm_diet_look *look, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct lmm_hint *hint = &diet->hints[i];
        char cell[LMM_CELL_BYTES];

        lmm_write_size(cell, hint->saves_bytes);
        lmm_grid_text(grid, cell);
        add_type(grid, look, hint);
        add_sizes(grid, hint);
        lmm_grid_count(grid, hint->blocks);
        add_text(grid, look, hint);
        lmm_grid_end_row(grid);
    }
}

static void add_share_rows(struct lmm_grid *grid, const struct lmm_diet *diet,
                           const struct lmm_diet_look *look, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const struct lmm_hint *hint = &diet->hints[i];

        lmm_grid_share(grid, hint->share_permille, 1);
        add_type(grid, look, hint);
        lmm_grid_count(grid, hint->blocks);
        add_text(grid, look, hint);
        lmm_grid_end_row(grid);
    }
}

static void put_byte_table(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                           size_t count, struct lmm_sink *sink)
{
    struct lmm_grid grid;

    if (count == 0) {
        return;
    }
    if (diet->is_at_peak) {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(peak_columns), 0, sink);
    } else {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(byte_columns), 0, sink);
    }
    grid.has_colour = look->colour;
    add_byte_rows(&grid, diet, look, count);
    lmm_grid_put_headings(&grid);
    add_byte_rows(&grid, diet, look, count);
}

static void put_share_table(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                            size_t first, size_t end, struct lmm_sink *sink)
{
    struct lmm_grid grid;

    if (first == end) {
        return;
    }
    lmm_sink_puts(sink, first > 0 ? "\n" : "");
    lmm_grid_init(&grid, LMM_GRID_COLUMNS(share_columns), 0, sink);
    grid.has_colour = look->colour;
    add_share_rows(&grid, diet, look, first, end);
    lmm_grid_put_headings(&grid);
    add_share_rows(&grid, diet, look, first, end);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Returns whether a struct is printed: each with a better order, or, if patterns were given, what matches them and
 * is no pointer or number. */
static bool is_printed(const struct lmm_diet *diet, const struct lmm_diet_type *type)
{
    bool has_better = type->has_layout && type->layout.state == LMM_LAYOUT_BETTER;
    struct lmm_string name = type->type.element;

    if (diet->options.types == NULL) {
        return has_better;
    }
    return lmm_select_matches_type(diet->options.types, &type->type) &&
           (type->has_layout || name.bytes == 0 || name.text[name.bytes - 1] != '*');
}

/* Returns whether some type matches the patterns. */
static bool has_wanted(const struct lmm_diet *diet)
{
    bool has = diet->options.types == NULL;

    for (size_t i = 0; i < diet->type_count && !has; i++) {
        has = diet->types[i].is_wanted;
    }
    for (size_t i = 0; i < diet->inner_count && !has; i++) {
        has = diet->inner[i].is_wanted;
    }
    return has;
}

static void put_structs(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                        struct lmm_sink *sink)
{
    for (size_t i = 0; i < diet->type_count + diet->inner_count; i++) {
        const struct lmm_diet_type *type =
            i < diet->type_count ? &diet->types[i] : &diet->inner[i - diet->type_count];

        if (is_printed(diet, type)) {
            lmm_sink_puts(sink, "\n");
            lmm_diet_put_struct(diet, type, &look->look, sink);
        }
    }
}

static uint64_t all_bytes(const struct lmm_diet *diet)
{
    return diet->is_at_peak ? diet->model->peak_bytes : diet->model->total.live_bytes;
}

/* Returns how many of the hints with bytes are shown. */
static size_t count_shown(const struct lmm_diet *diet, const struct lmm_diet_look *look)
{
    size_t count = lmm_diet_with_bytes(diet);

    count = count < look->rows ? count : look->rows;
    while (!look->has_structs && count > 1 &&
           diet->hints[count - 1].saves_bytes < all_bytes(diet) / SMALL_PART) {
        count--;
    }
    return count;
}

static void put_summary(const struct lmm_diet *diet, struct lmm_sink *sink)
{
    size_t with_bytes = lmm_diet_with_bytes(diet);
    size_t without = diet->hint_count - with_bytes;
    uint64_t bytes = all_bytes(diet);

    lmm_sink_printf(sink, "SUMMARY: %zu %s bytes", with_bytes,
                    with_bytes == 1 ? "hint saves" : "hints save");
    if (with_bytes > 0) {
        lmm_sink_printf(sink, ", the largest %" PRIu64, diet->hints[0].saves_bytes);
    }
    lmm_sink_printf(sink, " of %" PRIu64 " %s, %zu %s\n", bytes,
                    diet->is_at_peak ? "at the peak" : "live", without,
                    lmm_plural(without, "other hint", "other hints"));
}

void lmm_diet_put_text(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                       struct lmm_sink *sink)
{
    size_t with_bytes = count_shown(diet, look);
    size_t first = lmm_diet_with_bytes(diet);
    size_t end = diet->hint_count - first < look->rows - with_bytes
                     ? diet->hint_count
                     : first + look->rows - with_bytes;
    size_t rest = diet->hint_count - with_bytes - (end - first);

    if (diet->hint_count == 0) {
        lmm_sink_printf(sink, "no hints: %s\n",
                        has_wanted(diet) ? "nothing was found that could be smaller"
                                         : "no type of a block matches");
    }
    put_byte_table(diet, look, with_bytes, sink);
    put_share_table(diet, look, first, end, sink);
    if (rest > 0) {
        lmm_sink_puts(sink, "... ");
        lmm_put_count(sink, rest, "more hint", "more hints");
        lmm_sink_puts(sink, ": --full\n");
    }
    if (look->fields != NULL) {
        lmm_census_put_text(diet, look, sink);
    }
    if (look->has_structs) {
        put_structs(diet, look, sink);
    }
    for (size_t i = 0; i < look->note_count; i++) {
        lmm_sink_puts(sink, "note: ");
        lmm_put_string(sink, lmm_string_of(look->notes[i]));
        lmm_sink_puts(sink, "\n");
    }
    put_summary(diet, sink);
}
