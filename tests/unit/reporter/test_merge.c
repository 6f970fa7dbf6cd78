/* SPDX-License-Identifier: MIT */
/* Places and rows: which sites are one row, and that nothing is lost or counted twice. */
#include "reporter/program/report/merge.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/report/numbers.h"
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
    static const struct lmm_model_family families[] = {{.name = {"a_t", 3}}, {.name = {"b_t", 3}}};
    static const struct {
        enum lmm_by by;
        size_t rows;
        const char *family; /* of the first row */
    } typed[] = {
        {LMM_BY_LINE, 2, "a_t"},   {LMM_BY_FUNCTION, 2, "a_t"}, {LMM_BY_STACK, 2, "a_t"},
        {LMM_BY_FAMILY, 2, "a_t"}, {LMM_BY_SITE, 3, "a_t"},     {LMM_BY_MODULE, 1, "(several)"},
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

Test(merge, no_sites_are_no_rows)
{
    struct lmm_model *model = made_model();

    model->site_count = 0;
    cr_assert(lmm_merge_sites(model, LMM_BY_LINE, NULL, &merged));
    cr_expect_eq(model->site_count, 0);
}
