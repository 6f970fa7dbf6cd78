/* SPDX-License-Identifier: MIT */
/* Places and rows: which sites are one row, and that nothing is lost or counted twice. */
#include "reporter/program/report/merge.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/report/numbers.h"
#include "reporter/program/report/row_options.h"
#include "tests/support/run_model.h"

static struct lmm_merge merged;

static void free_rows(void)
{
    lmm_merge_free(&merged);
}

TestSuite(merge, .fini = free_rows);

static bool is(struct lmm_string string, const char *text)
{
    return string.bytes == strlen(text) && memcmp(string.text, text, string.bytes) == 0;
}

/* The model of seven sites in three modules; the ids are their indexes. */
static struct lmm_model *model_with_modules(void)
{
    static const char *const modules[] = {"hr", "hr", "hr", "hr", "hr", "libpaper.so.1", ""};
    struct lmm_model *model = made_model();

    for (uint32_t i = 0; i < model->site_count; i++) {
        model->sites[i].id = i;
        model->sites[i].module = lmm_string_of(modules[i]);
        model->sites[i].stack_key = model->sites[i].stack == 0 ? 0 : 100 + model->sites[i].stack;
    }
    return model;
}

/* Each word of --by: how many rows, and of the row with most live bytes its place, parts and figures;
 * then how many parts the row of src/field.hpp has, or the row that has it. */
static const struct {
    enum lmm_by by;
    size_t rows;
    const char *first_file;
    uint32_t first_line;
    const char *first_family;
    uint64_t first_blocks;
    size_t parts; /* of all rows */
} cases[] = {
    {LMM_BY_LINE, 5, "src/work.cpp", 5, "malloc", 1, 6},
    {LMM_BY_FUNCTION, 5, "src/work.cpp", 0, "malloc", 1, 6},
    {LMM_BY_MODULE, 2, "hr", 0, "malloc", 14, 6},
    {LMM_BY_STACK, 6, "src/work.cpp", 5, "malloc", 1, 6},
    {LMM_BY_FAMILY, 3, "(all places)", 0, "malloc-large", 1, 7},
    {LMM_BY_TYPE, 1, "(unknown)", 0, "malloc", 15, 6}, /* types were not looked for */
    {LMM_BY_SITE, 7, NULL, 0, NULL, 0, 0},
};

Test(merge, each_word_has_its_rows)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_model *model = model_with_modules();
        size_t parts = 0;

        cr_assert(lmm_merge_sites(model, cases[i].by, NULL, &merged));
        cr_expect_eq(model->site_count, cases[i].rows, "%zu: %zu rows", i, model->site_count);
        for (size_t k = 0; k < model->site_count; k++) {
            parts += model->sites[k].part_count;
        }
        cr_expect_eq(parts, cases[i].parts, "%zu: %zu parts", i, parts);
        if (cases[i].first_file != NULL) {
            const struct lmm_model_site *row = &model->sites[0];

            cr_expect(is(row->file, cases[i].first_file), "%zu: %s", i, row->file.text);
            cr_expect_eq(row->line, cases[i].first_line, "%zu", i);
            cr_expect(is(row->family->name, cases[i].first_family), "%zu: %s", i,
                      row->family->name.text);
            cr_expect_eq(row->live_blocks, cases[i].first_blocks, "%zu", i);
        }
        free_rows();
    }
}

Test(merge, nothing_is_lost_or_counted_twice)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_model *model = model_with_modules();
        uint64_t allocations = 0;
        uint64_t bytes = 0;
        uint64_t peak = 0;

        cr_assert(lmm_merge_sites(model, cases[i].by, NULL, &merged));
        for (size_t k = 0; k < model->site_count; k++) {
            const struct lmm_model_site *row = &model->sites[k];
            uint64_t of_parts = 0;

            allocations += row->allocations;
            bytes += row->live_bytes;
            peak += row->peak_bytes;
            for (uint32_t part = 0; part < row->part_count; part++) {
                of_parts += row->parts[part].live_bytes;
                cr_expect(part == 0 ||
                          row->parts[part - 1].live_bytes >= row->parts[part].live_bytes);
            }
            cr_expect(row->part_count == 0 || of_parts == row->live_bytes, "%zu, row %zu", i, k);
            cr_expect(k == 0 || model->sites[k - 1].live_bytes >= row->live_bytes ||
                      cases[i].by == LMM_BY_SITE);
        }
        cr_expect_eq(allocations, 6002, "%zu", i);
        cr_expect_eq(bytes, 1049028, "%zu", i);
        cr_expect_eq(peak, 2101636, "%zu: %lu", i, (unsigned long) peak);
        free_rows();
    }
}

static const struct lmm_model_site *row_at(const struct lmm_model *model, const char *file)
{
    for (size_t i = 0; i < model->site_count; i++) {
        if (is(model->sites[i].file, file)) {
            return &model->sites[i];
        }
    }
    cr_assert(false, "no row at %s", file);
    return NULL;
}

Test(merge, a_row_is_known_by_its_first_id)
{
    struct lmm_numbers ids = {.entries = NULL};
    struct lmm_model *model = model_with_modules();

    model->sites[0].id = 8; /* of the three sites of the line, 8, 1 and 2 */
    cr_assert(lmm_merge_sites(model, LMM_BY_LINE, &ids, &merged));
    cr_expect_eq(row_at(model, "src/field.hpp")->id, 1);
    free_rows();
    model = model_with_modules(); /* now 0, 1 and 2: the row keeps its id */
    cr_assert(lmm_merge_sites(model, LMM_BY_LINE, &ids, &merged));
    cr_expect_eq(row_at(model, "src/field.hpp")->id, 1);
    lmm_numbers_free(&ids);
}

/* The type of a block is its family: lines are not merged across types. */
Test(merge, sites_without_stacks_keep_their_families)
{
    static const struct lmm_model_family families[] = {
        {.name = {"a_t", 3}, .type = {"a_t", 3}, .size_bytes = 8},
        {.name = {"b_t", 3}, .type = {"b_t", 3}, .size_bytes = 8}};
    static const struct {
        enum lmm_by by;
        size_t rows;
        const char *family; /* of the first row */
    } typed[] = {
        {LMM_BY_LINE, 2, "a_t"},   {LMM_BY_FUNCTION, 2, "a_t"}, {LMM_BY_STACK, 2, "a_t"},
        {LMM_BY_FAMILY, 2, "a_t"}, {LMM_BY_SITE, 3, "a_t"},     {LMM_BY_MODULE, 1, "(several)"},
        {LMM_BY_TYPE, 2, "a_t"},
    };

    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        struct lmm_model_site sites[3];
        struct lmm_model model = {.program = lmm_string_of("hr"), .sites = sites, .site_count = 3};

        for (uint32_t k = 0; k < 3; k++) {
            sites[k] = (struct lmm_model_site) {.family = &families[k == 2],
                                                .file = lmm_string_of("hr.c"),
                                                .line = 5,
                                                .id = k,
                                                .live_bytes = 10,
                                                .live_blocks = 1};
        }
        cr_assert(lmm_merge_sites(&model, typed[i].by, NULL, &merged));
        cr_expect_eq(model.site_count, typed[i].rows, "%zu", i);
        cr_expect(is(model.sites[0].family->name, typed[i].family), "%zu", i);
        free_rows();
    }
}

/* ---- Types ----------------------------------------------------------------------------------- */

static struct lmm_model *model_with_types(void)
{
    struct lmm_model *model = model_with_modules();

    made_model_set_types(model);
    return model;
}

Test(merge, rows_of_types)
{
    static const struct {
        const char *file; /* the name of the row */
        uint64_t live_bytes;
        uint64_t peak_bytes;
        enum lmm_model_confidence confidence;
        uint64_t bytes;
        uint32_t lines;
        const char *largest;
        const char *largest_at_peak;
    } rows[] = {
        {"char[]", 1048576, 2097152, LMM_MODEL_LIKELY, 1, 1, "src/work.cpp", "src/work.cpp"},
        {"struct field", 400, 4472, LMM_MODEL_LIKELY, 40, 2, "src/field.hpp", "src/field.hpp"},
        {"(unknown)", 40, 0, LMM_MODEL_NO_TYPE, 0, 1, "(unattributed)", "(unattributed)"},
        {"libpaper.so.1: no debug information", 12, 12, LMM_MODEL_NO_TYPE, 0, 1,
         "libpaper.so.1+0x1f0", "libpaper.so.1+0x1f0"},
    };
    struct lmm_model *model = model_with_types();

    cr_assert(lmm_merge_sites(model, LMM_BY_TYPE, NULL, &merged));
    cr_assert_eq(model->site_count, sizeof(rows) / sizeof(rows[0]), "%zu", model->site_count);
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *row = &model->sites[i];

        cr_expect(is(row->file, rows[i].file), "%zu: %s", i, row->file.text);
        cr_expect_eq(row->live_bytes, rows[i].live_bytes, "%zu", i);
        cr_expect_eq(row->peak_bytes, rows[i].peak_bytes, "%zu", i);
        cr_expect_eq(row->type->confidence, rows[i].confidence, "%zu", i);
        cr_expect_eq(row->type->bytes, rows[i].bytes, "%zu", i);
        cr_expect_eq(row->lines->count, rows[i].lines, "%zu", i);
        cr_expect(is(row->lines->largest->file, rows[i].largest), "%zu", i);
        cr_expect(is(row->lines->largest_at_peak->file, rows[i].largest_at_peak), "%zu", i);
    }
}

/* The line with most bytes at the peak may have none now. */
Test(merge, a_type_has_a_largest_line_now_and_at_the_peak)
{
    struct lmm_model *model = model_with_types();

    for (size_t i = 0; i < 3; i++) {
        model->sites[i].live_bytes = 0;
    }
    cr_assert(lmm_merge_sites(model, LMM_BY_TYPE, NULL, &merged));
    const struct lmm_model_site *row = row_at(model, "struct field");

    cr_expect(is(row->lines->largest->file, "src/load.cpp"));
    cr_expect(is(row->lines->largest_at_peak->file, "src/field.hpp"));
}

/* A line has the type that all its sites have, as certain as the least certain of them. */
Test(merge, a_line_has_the_type_of_its_sites)
{
    static const struct lmm_model_type other = {.name = {"struct other", 12},
                                                .confidence = LMM_MODEL_CERTAIN};
    struct lmm_model *model = model_with_types();

    cr_assert(lmm_merge_sites(model, LMM_BY_LINE, NULL, &merged));
    cr_expect_eq(row_at(model, "src/field.hpp")->type->confidence, LMM_MODEL_LIKELY);
    free_rows();
    model = model_with_types();
    model->sites[2].type = &other;
    cr_assert(lmm_merge_sites(model, LMM_BY_LINE, NULL, &merged));
    cr_expect_null(row_at(model, "src/field.hpp")->type);
    cr_expect_not_null(row_at(model, "src/load.cpp")->type);
}

/* Without --by, rows are types where half of the bytes have one: of the live ones, or at the peak. */
Test(merge, usual_rows)
{
    static const struct {
        const char *what;
        bool has_types;
        bool is_typed_program;
        uint64_t typed;
        uint64_t untyped;
        uint64_t typed_at_peak;
        enum lmm_by usual;
    } usual[] = {
        {"half of the live bytes", true, false, 50, 50, 0, LMM_BY_TYPE},
        {"less than half", true, false, 49, 51, 1000, LMM_BY_LINE},
        {"half of the bytes at the peak", true, false, 0, 0, 50, LMM_BY_TYPE},
        {"nothing at all", true, false, 0, 0, 0, LMM_BY_LINE},
        {"types not looked for", false, false, 50, 50, 50, LMM_BY_LINE},
        {"registered types", true, true, 50, 0, 0, LMM_BY_LINE},
    };

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        struct lmm_model *model = model_with_types();

        for (size_t k = 0; k < model->site_count; k++) {
            model->sites[k].live_bytes = k == 0 ? usual[i].typed : k == 6 ? usual[i].untyped : 0;
            model->sites[k].peak_bytes = k == 0   ? usual[i].typed_at_peak
                                         : k == 6 ? 50 * (usual[i].typed_at_peak > 0)
                                                  : 0;
            model->sites[k].type = usual[i].has_types ? model->sites[k].type : NULL;
        }
        model->total.live_bytes = usual[i].typed + usual[i].untyped;
        model->is_drop_in = !usual[i].is_typed_program;
        cr_expect_eq(lmm_row_options_usual(model), usual[i].usual, "%s", usual[i].what);
    }
}

Test(merge, no_sites_are_no_rows)
{
    struct lmm_model *model = made_model();

    model->site_count = 0;
    cr_assert(lmm_merge_sites(model, LMM_BY_LINE, NULL, &merged));
    cr_expect_eq(model->site_count, 0);
}

/* Each but the third site has a page use; the model keeps its own. */
Test(merge, page_uses_are_summed)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_model *model = model_with_modules();
        struct lmm_model_page_use uses[16] = {{.blocks = 0}};
        uint64_t blocks = 0;
        uint64_t sparse = 0;

        cr_assert_leq(model->site_count, 16);
        model->page_walk = (struct lmm_model_page_walk) {
            .is_there = true, .uses = uses, .use_count = model->site_count};
        for (size_t k = 0; k < model->site_count; k++) {
            uses[k] = (struct lmm_model_page_use) {
                .site = (uint32_t) k, .blocks = 1u << k, .sparse_bytes = 100u << k};
            model->sites[k].page_use = k == 2 ? NULL : &uses[k];
        }
        cr_assert(lmm_merge_sites(model, cases[i].by, NULL, &merged));
        for (size_t k = 0; k < model->site_count; k++) {
            const struct lmm_model_page_use *use = model->sites[k].page_use;
            blocks += use == NULL ? 0 : use->blocks;
            sparse += use == NULL ? 0 : use->sparse_bytes;
        }
        cr_expect_eq(blocks, 0x7f - 4, "%zu: %zu", i, (size_t) blocks);
        cr_expect_eq(sparse, 100 * (0x7f - 4), "%zu", i);
        cr_expect_eq(uses[0].blocks, 1);
        free_rows();
    }
}
