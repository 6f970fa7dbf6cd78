/* SPDX-License-Identifier: MIT */
/* census_text: what was seen in fields, for people: a table, and what all changes of a type save together. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/grid.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/diet_print.h"
#include "reporter/program/report/field_census.h"

enum {
    TYPE_COLUMNS = 20,
    FIELD_COLUMNS = 25,
    SEEN_BYTES = 4 * LMM_CELL_BYTES,
    SUMS = 3, /* types of which the sum is shown, unless all is */
};

static const struct lmm_grid_column columns[] = {
    {.heading = "saves", .right = true, .width_min = 9},
    {.heading = "type"},
    {.heading = "field"},
    {.heading = "offset", .right = true},
    {.heading = "now -> then"},
    {.heading = "what was seen"},
};

/* ---- What was seen --------------------------------------------------------------------------- */

static void write_value(const struct lmm_census_row *row, uint64_t value, char cell[LMM_CELL_BYTES])
{
    if (row->leaf->kind == LMM_LEAF_SIGNED) {
        snprintf(cell, LMM_CELL_BYTES, "%" PRId64, (int64_t) value);
    } else {
        snprintf(cell, LMM_CELL_BYTES, "%" PRIu64, value);
    }
}

/* Writes the value of the first struct, as far as it is one for people. */
static void write_first(const struct lmm_census_row *row, char cell[LMM_CELL_BYTES])
{
    if (row->leaf->kind <= LMM_LEAF_SIGNED) {
        write_value(row, row->figures.first, cell);
    } else {
        snprintf(cell, LMM_CELL_BYTES, "the same %s",
                 row->leaf->kind == LMM_LEAF_POINTER ? "address" : "value");
    }
}

static void write_same(const struct lmm_census_row *row, char text[SEEN_BYTES])
{
    char value[LMM_CELL_BYTES];
    char count[LMM_CELL_BYTES];

    write_first(row, value);
    lmm_write_count(count, row->figures.elements);
    snprintf(text, SEEN_BYTES, "always %s, in all %s", value, count);
}

static void write_narrow(const struct lmm_census_row *row, char text[SEEN_BYTES])
{
    const struct lmm_leaf *leaf = row->leaf;
    uint64_t bytes = leaf->element_bytes > 0 ? leaf->element_bytes : leaf->bits / 8;
    char least[LMM_CELL_BYTES];
    char most[LMM_CELL_BYTES];

    write_value(row, row->figures.least, least);
    write_value(row, row->figures.most, most);
    snprintf(text, SEEN_BYTES, "%s to %s: %" PRIu64 " %s would do (has %" PRIu64 ")", least, most,
             row->needed_bytes, lmm_plural(row->needed_bytes, "byte", "bytes"), bytes);
}

static void write_short(const struct lmm_census_row *row, char text[SEEN_BYTES])
{
    uint64_t element = row->leaf->element_bytes;

    if (element == 1) {
        snprintf(text, SEEN_BYTES, "at most %" PRIu64 " of %" PRIu64 " bytes are used",
                 row->figures.most, row->leaf->bits / 8);
    } else {
        snprintf(text, SEEN_BYTES, "at most %" PRIu64 " of %" PRIu64 " elements are used",
                 row->needed_bytes / element, row->leaf->bits / 8 / element);
    }
}

/* Writes "zero in 98.0%". */
static void write_zeros(const struct lmm_census_row *row, char text[LMM_CELL_BYTES])
{
    const struct lmm_field_figures *figures = &row->figures;
    char share[LMM_CELL_BYTES];

    lmm_write_share(share, lmm_model_permille(figures->zeros, figures->elements),
                    figures->elements);
    snprintf(text, LMM_CELL_BYTES, "zero in %.32s", share);
}

/* Writes the same, or "7 in 98.0%". */
static void write_mostly(const struct lmm_census_row *row, char text[SEEN_BYTES])
{
    const struct lmm_field_figures *figures = &row->figures;
    char value[LMM_CELL_BYTES];
    char share[LMM_CELL_BYTES];

    if (figures->zeros >= figures->sames) {
        write_zeros(row, text);
        return;
    }
    write_first(row, value);
    lmm_write_share(share, lmm_model_permille(figures->sames, figures->elements),
                    figures->elements);
    snprintf(text, SEEN_BYTES, "%s in %s", value, share);
}

/* Writes what was seen of a field without a finding: "zero in 12.3%, 0 to 213". */
static void write_nothing(const struct lmm_census_row *row, char text[SEEN_BYTES])
{
    char zeros[LMM_CELL_BYTES];
    char least[LMM_CELL_BYTES];
    char most[LMM_CELL_BYTES];

    write_zeros(row, zeros);
    write_value(row, row->figures.least, least);
    write_value(row, row->figures.most, most);
    if (row->leaf->kind <= LMM_LEAF_SIGNED) {
        snprintf(text, SEEN_BYTES, "%s, %s to %s", zeros, least, most);
    } else if (row->leaf->kind == LMM_LEAF_BYTES) {
        snprintf(text, SEEN_BYTES, "%s, at most %s of %" PRIu64 " bytes are used", zeros, most,
                 row->leaf->bits / 8);
    } else {
        snprintf(text, SEEN_BYTES, "%s", zeros);
    }
}

static void write_seen(const struct lmm_census_row *row, char text[SEEN_BYTES])
{
    const struct lmm_field_figures *figures = &row->figures;
    char cell[LMM_CELL_BYTES];

    switch (row->finding) {
    case LMM_FIELD_NEVER:
        lmm_write_count(cell, figures->elements);
        snprintf(text, SEEN_BYTES, "never set: %s in all %s",
                 figures->zeros == figures->elements ? "zero" : "as fill=alloc left it", cell);
        break;
    case LMM_FIELD_SAME_VALUE: write_same(row, text); break;
    case LMM_FIELD_NARROW: write_narrow(row, text); break;
    case LMM_FIELD_SHORT: write_short(row, text); break;
    case LMM_FIELD_MOSTLY: write_mostly(row, text); break;
    default: write_nothing(row, text); break;
    }
}

/* ---- The table ------------------------------------------------------------------------------- */

static void add_type(struct lmm_grid *grid, const struct lmm_diet_look *look,
                     const struct lmm_census_row *row)
{
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    lmm_grid_end_cell(grid, lmm_shown_put_function(&look->look, sink, row->type->type.element,
                                                   look->look.is_whole ? SIZE_MAX : TYPE_COLUMNS));
}

static void add_field(struct lmm_grid *grid, const struct lmm_diet_look *look,
                      const struct lmm_leaf *leaf)
{
    const struct lmm_field field = {
        .name = leaf->name,
        .type = leaf->type,
        .kind = leaf->is_bit_field ? LMM_FIELD_BITS : LMM_FIELD_MEMBER,
        .bits = leaf->bits,
    };
    char text[LMM_DIET_FIELD_BYTES];
    char offset[LMM_CELL_BYTES];

    lmm_diet_write_field(&field, text);
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);

    lmm_grid_end_cell(grid, lmm_shown_put_command(&look->look, sink, lmm_string_of(text),
                                                  look->look.is_whole ? SIZE_MAX : FIELD_COLUMNS));
    if (leaf->is_bit_field) {
        snprintf(offset, sizeof(offset), "%" PRIu64 ":%" PRIu64, leaf->bit / 8, leaf->bit % 8);
    } else {
        snprintf(offset, sizeof(offset), "%" PRIu64, leaf->bit / 8);
    }
    lmm_grid_text(grid, offset);
}

static void add_seen(struct lmm_grid *grid, const struct lmm_diet_look *look,
                     const struct lmm_census_row *row)
{
    size_t taken = lmm_grid_column(grid);
    size_t room = LMM_SHOWN_COLUMNS > taken + 1 ? LMM_SHOWN_COLUMNS - taken : 1;
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);
    char text[SEEN_BYTES];

    write_seen(row, text);
    lmm_grid_end_cell(grid, lmm_shown_put_command(&look->look, sink, lmm_string_of(text), room));
}

static void add_rows(struct lmm_grid *grid, const struct lmm_diet_look *look, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct lmm_census_row *row = &look->fields->rows[i];
        char cell[LMM_CELL_BYTES] = "-";

        if (row->saves_bytes > 0) {
            lmm_write_size(cell, row->saves_bytes);
        }
        lmm_grid_text(grid, cell);
        add_type(grid, look, row);
        add_field(grid, look, row->leaf);
        snprintf(cell, sizeof(cell), "-");
        if (row->before_bytes > row->after_bytes) {
            snprintf(cell, sizeof(cell), "%" PRIu64 " -> %" PRIu64, row->before_bytes,
                     row->after_bytes);
        }
        lmm_grid_text(grid, cell);
        add_seen(grid, look, row);
        lmm_grid_end_row(grid);
    }
}

static void put_table(const struct lmm_diet_look *look, size_t count, struct lmm_sink *sink)
{
    struct lmm_grid grid;

    lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), 0, sink);
    grid.has_colour = look->colour;
    add_rows(&grid, look, count);
    lmm_grid_put_headings(&grid);
    add_rows(&grid, look, count);
}

/* ---- The types ------------------------------------------------------------------------------- */

static void put_sums(const struct lmm_diet_look *look, struct lmm_sink *sink)
{
    const struct lmm_field_census *census = look->fields;
    size_t left = look->has_structs ? census->type_count : (size_t) SUMS;

    for (size_t i = 0; i < census->type_count && left > 0; i++) {
        const struct lmm_census_type *type = &census->types[i];

        if (type->saves_bytes > 0) {
            lmm_put_string(sink, type->type->type.element);
            lmm_sink_printf(sink,
                            ": all changes together, in the best order: %" PRIu64 " -> %" PRIu64
                            " bytes, saves ",
                            type->type->layout.bytes, type->after_bytes);
            lmm_put_bytes(sink, type->saves_bytes);
            lmm_sink_puts(sink, "\n");
            left--;
        }
    }
}

/* Puts why not all of a type was read. */
static void put_gap(const struct lmm_census_type *type, struct lmm_sink *sink)
{
    const char *reason =
        !type->type->has_layout ? "its fields were not found in the debug information"
        : type->type->layout.bytes > LMM_FIELD_ELEMENT_MAX
            ? "a struct of more than 65,536 bytes is not read"
        : type->leaves.count == 0 ? "it has no field that could be read"
        : type->leaves.is_cut     ? "it has more fields, which were not read"
        : !type->has_all_sites    ? "only the blocks of its largest call stacks were read"
                                  : NULL;

    if (reason == NULL && (!type->is_asked || type->skipped == 0)) {
        return;
    }
    lmm_sink_puts(sink, "note: ");
    lmm_put_string(sink, type->type->type.element);
    lmm_sink_puts(sink, ": ");
    if (reason != NULL) {
        lmm_sink_puts(sink, reason);
    } else {
        lmm_sink_printf(sink, "%" PRIu64 " of ", type->skipped);
        lmm_put_count(sink, type->blocks, "block was", "blocks were");
        lmm_sink_puts(sink, " not read: of another size than the struct, or inaccessible");
    }
    lmm_sink_puts(sink, "\n");
}

static void put_nothing(const struct lmm_field_census *census, struct lmm_sink *sink)
{
    if (!census->has_failed && census->type_count == 0) {
        lmm_sink_puts(sink, "no fields: no type of the live blocks is known with its fields\n");
    } else if (!census->has_failed && census->row_count > 0) {
        lmm_sink_printf(sink,
                        "%zu %s looked at: nothing was found that is never set, constant, "
                        "or larger than its values\n",
                        census->row_count,
                        lmm_plural(census->row_count, "field was", "fields were"));
    }
}

void lmm_census_put_text(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                         struct lmm_sink *sink)
{
    const struct lmm_field_census *census = look->fields;
    size_t all = look->look.is_whole ? census->row_count : census->found;
    size_t count = all < look->rows ? all : look->rows;

    lmm_sink_puts(sink, "\n");
    if (count > 0) {
        lmm_sink_puts(sink,
                      "Fields of live blocks; bytes are those saved beyond a better order, by "
                      "each change alone:\n");
        put_table(look, count, sink);
    } else {
        put_nothing(census, sink);
    }
    if (all > count) {
        lmm_sink_puts(sink, "... ");
        lmm_put_count(sink, all - count, "more field", "more fields");
        lmm_sink_puts(sink, ": --full\n");
    }
    put_sums(look, sink);
    for (size_t i = 0; diet->options.types != NULL && i < census->type_count; i++) {
        put_gap(&census->types[i], sink);
    }
}
