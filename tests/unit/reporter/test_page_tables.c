/* SPDX-License-Identifier: MIT */
/* The tables and figures of a page: rows that stay where they are, and sums that are the model's. */
#include "reporter/program/page/page_tables.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/page/page_figures.h"
#include "reporter/program/report/spots.h"
#include "tests/support/run_model.h"

enum { SITES = 7, MANY = LMM_PAGE_SITES_MAX + 100, LONG = 3 * LMM_PAGE_STRING_MAX };

static struct lmm_page_tables *tables;
static struct lmm_page_figures figures;

static void make_tables(void)
{
    tables = lmm_page_tables_new();
    cr_assert_not_null(tables);
}

static void free_tables(void)
{
    lmm_page_figures_free(&figures);
    lmm_page_tables_free(tables);
}

TestSuite(page_tables, .init = make_tables, .fini = free_tables);

/* The model with a key for each stack, as the model of a ledger has. */
static struct lmm_model *keyed(struct lmm_model *model)
{
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].stack_key = model->sites[i].stack;
    }
    return model;
}

static void expect_text(uint32_t number, const char *expected)
{
    struct lmm_string text = tables->strings.items[number];

    cr_expect(text.bytes == strlen(expected) && memcmp(text.text, expected, text.bytes) == 0,
              "%.*s is not %s", (int) text.bytes, text.text, expected);
}

/* Returns the sum of a column. */
static uint64_t sum_of(enum lmm_page_column column)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < tables->site_count; i++) {
        sum += lmm_page_figure(&figures, column, i);
    }
    return sum;
}

static void read_model(const struct lmm_model *model, const struct lmm_spots *spots)
{
    lmm_page_figures_free(&figures);
    cr_assert(lmm_page_tables_read(tables, model));
    cr_assert(lmm_page_figures_make(tables, model, spots, &figures));
}

Test(page_tables, size_classes_of_a_stack_are_one_row)
{
    read_model(keyed(made_model()), NULL);
    cr_expect_eq(tables->site_count, SITES - 1);
    cr_expect_eq(tables->line_count, SITES - 2);
    cr_expect_eq(tables->rows[0], tables->rows[1]);
    cr_expect_neq(tables->rows[0], tables->rows[2]);
    const struct lmm_page_site *both = &tables->sites[tables->rows[0]];
    cr_expect_eq(both->family, LMM_PAGE_NONE);
    cr_expect_eq(tables->lines[both->line].id, 20);
    expect_text(tables->lines[both->line].file, "src/field.hpp");
    const struct lmm_page_site *one = &tables->sites[tables->rows[2]];
    expect_text(tables->families[one->family].name, "malloc-48");
    cr_expect_eq(tables->sites[tables->rows[SITES - 1]].frame, LMM_PAGE_NONE);
}

Test(page_tables, sums_are_those_of_the_model)
{
    const struct lmm_model *model = keyed(made_model());
    static const struct {
        enum lmm_page_column column;
        uint64_t sum;
    } cases[] = {
        {LMM_PAGE_LIVE_BYTES, 1049028},
        {LMM_PAGE_LIVE_BLOCKS, 15},
        {LMM_PAGE_PEAK_BYTES, 2101636},
        {LMM_PAGE_ALLOCATIONS, 6002},
        {LMM_PAGE_FREES, 5987},
        {LMM_PAGE_TEMPORARIES, 4300},
        {LMM_PAGE_ALLOCATED_BYTES, 2195154},
        {LMM_PAGE_PEAK_BLOCKS, 138},
    };

    read_model(model, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(sum_of(cases[i].column), cases[i].sum, "%s: %zu",
                     lmm_page_column_key(cases[i].column), (size_t) sum_of(cases[i].column));
    }
    cr_expect_eq(lmm_page_family_figure(&figures, LMM_PAGE_FAMILY_ALLOCATIONS, 1), 1000);
}

/* Frames from the outermost on: an inlined call is a row of its own. */
Test(page_tables, calls_are_a_tree)
{
    static const char *const stack[] = {
        "operator new(unsigned long)", "copy(field&)", "parse(reader&)",
        "load(char const*)",           "main",         "_start"};
    int32_t row;

    read_model(keyed(made_model()), NULL);
    row = tables->sites[tables->rows[0]].frame;
    for (size_t i = 0; i < sizeof(stack) / sizeof(stack[0]); i++) {
        cr_assert_geq(row, 0);
        const struct lmm_page_frame *frame = &tables->calls.frames[row];
        const struct lmm_page_call *call = &tables->calls.items[frame->call];
        expect_text(call->function, stack[i]);
        cr_expect_eq((call->flags & LMM_PAGE_INLINED) != 0, i == 1);
        cr_expect_eq((call->flags & LMM_PAGE_WRAPPER) != 0, i == 0);
        cr_expect_lt(frame->parent, row);
        row = frame->parent;
    }
    cr_expect_eq(row, LMM_PAGE_NONE);
    cr_expect_eq(tables->calls.frame_count, 9);
    cr_expect_eq(tables->calls.count, 9);
}

Test(page_tables, rows_stay_from_reading_to_reading)
{
    struct lmm_model *model = keyed(made_model());
    struct lmm_page_counts first;
    uint32_t of_field;

    model->site_count = 1; /* one size class of copy() */
    read_model(model, NULL);
    first = lmm_page_tables_count(tables);
    of_field = tables->rows[0];
    cr_expect_neq(tables->sites[of_field].family, LMM_PAGE_NONE);

    model = keyed(made_model());
    read_model(model, NULL);
    cr_expect_eq(tables->rows[0], of_field);
    cr_expect_eq(tables->rows[1], of_field);
    cr_expect_eq(tables->sites[of_field].family, LMM_PAGE_NONE, "it has two size classes now");
    cr_expect_eq(tables->sites[of_field].changed, 2);
    cr_expect_eq(tables->sites[first.sites].changed, 2);

    struct lmm_page_counts second = lmm_page_tables_count(tables);
    read_model(model, NULL);
    struct lmm_page_counts third = lmm_page_tables_count(tables);
    cr_expect_eq(memcmp(&second, &third, sizeof(third)), 0, "nothing is new");
    for (size_t i = 0; i < tables->site_count; i++) {
        cr_expect_leq(tables->sites[i].changed, 2);
    }
}

Test(page_tables, types_are_rows_and_so_are_the_reasons_why_there_is_none)
{
    struct lmm_model *model = keyed(made_model());

    made_model_set_types(model);
    read_model(model, NULL);
    cr_assert_eq(tables->type_count, 4);
    const struct lmm_page_type *field = &tables->types[tables->sites[tables->rows[0]].type];
    expect_text(field->name, "struct field");
    cr_expect_eq(field->confidence, LMM_MODEL_LIKELY, "the least certain of both size classes");
    cr_expect_eq(field->gap, LMM_MODEL_TYPE_FOUND);
    const struct lmm_page_type *paper = &tables->types[tables->sites[tables->rows[5]].type];
    cr_expect_eq(paper->gap, LMM_MODEL_TYPE_NO_DEBUG);
    expect_text(paper->lacking, "libpaper.so.1");
    expect_text(paper->name, "(no type known: libpaper.so.1)");
    const struct lmm_page_type *guess = &tables->types[tables->sites[tables->rows[6]].type];
    cr_expect_eq(guess->gap, LMM_MODEL_TYPE_UNKNOWN);
    cr_expect_eq(lmm_page_tables_type(tables, lmm_string_of("char[]")),
                 tables->sites[tables->rows[3]].type);
    cr_expect_eq(lmm_page_tables_type(tables, lmm_string_of("char")), LMM_PAGE_NONE);
}

Test(page_tables, classes_of_a_leak_check_are_those_of_the_spots)
{
    struct lmm_model *model = keyed(made_model_with_losses());
    struct lmm_spots spots;

    cr_assert(lmm_spots_make(model, NULL, &spots));
    read_model(model, &spots);
    cr_expect_eq(sum_of(LMM_PAGE_DEFINITE_BYTES), spots.total.direct.bytes);
    cr_expect_eq(sum_of(LMM_PAGE_INDIRECT_BLOCKS), spots.total.indirect.blocks);
    cr_expect_eq(sum_of(LMM_PAGE_POSSIBLE_BYTES), spots.total.possible.bytes);
    cr_expect_eq(sum_of(LMM_PAGE_REACHABLE_BLOCKS), spots.total.reachable.blocks);
    cr_expect_gt(sum_of(LMM_PAGE_DEFINITE_BYTES), 0);
    lmm_spots_free(&spots);
}

/* Sites without a row of their own have one together, and it is not the heaviest that lack one. */
Test(page_tables, what_has_no_room_is_one_row)
{
    struct lmm_model *model = made_model();
    struct lmm_model_site *sites = calloc(MANY, sizeof(*sites));

    cr_assert_not_null(sites);
    for (uint32_t i = 0; i < MANY; i++) {
        sites[i] = model->sites[SITES - 1];
        sites[i].line = i;
        sites[i].id = i;
        sites[i].live_bytes = i;
    }
    model->sites = sites;
    model->site_count = MANY;
    model->total.live_bytes = MANY;
    read_model(model, NULL);
    cr_expect_eq(tables->site_count, LMM_PAGE_SITES_MAX + 1);
    cr_assert(tables->has_other);
    cr_expect_eq(tables->rows[0], tables->other);
    cr_expect_eq(tables->rows[MANY - 1], 0);
    cr_expect_eq(sum_of(LMM_PAGE_LIVE_BYTES), (uint64_t) MANY * (MANY - 1) / 2);
    cr_expect_eq(lmm_page_figure(&figures, LMM_PAGE_ALLOCATIONS, tables->other), 100);
    free(sites);
}

Test(page_tables, a_text_is_there_once_and_not_too_long)
{
    struct lmm_page_strings *strings = &tables->strings;
    static char text[LONG];
    uint32_t a;
    uint32_t b;

    memset(text, 'a', sizeof(text));
    memcpy(&text[LMM_PAGE_STRING_MAX - 4], "\xe2\x82\xac", 3);
    cr_assert(lmm_page_strings_at(strings, lmm_string_of("</script>"), &a));
    cr_assert(lmm_page_strings_at(strings, lmm_string_of("</script>"), &b));
    cr_expect_eq(a, 1);
    cr_expect_eq(a, b);
    cr_assert(lmm_page_strings_at(strings, (struct lmm_string) {text, sizeof(text)}, &b));
    cr_expect_eq(strings->items[b].bytes, LMM_PAGE_STRING_MAX - 1, "a character is not cut");
    cr_expect_eq(strings->items[b].text[LMM_PAGE_STRING_MAX - 2], '.');
    cr_assert(lmm_page_strings_at(strings, lmm_string_of(""), &a));
    cr_expect_eq(a, 0);
    cr_expect_eq(strings->count, 3);
}
