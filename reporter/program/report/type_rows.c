/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/type_rows.h"

#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/spots.h"

static bool is_known(const struct lmm_type_row *row)
{
    return lmm_site_type_is_known(row->site->type);
}

static int compare_names(const void *left, const void *right)
{
    const struct lmm_type_row *a = left;
    const struct lmm_type_row *b = right;

    return lmm_site_type_compare(a->site->type, b->site->type);
}

static int compare_rows(const void *left, const void *right)
{
    const struct lmm_type_row *a = left;
    const struct lmm_type_row *b = right;
    int order = lmm_compare_u64(!is_known(a), !is_known(b));

    order = order != 0 ? order : lmm_compare_u64(b->site->peak_bytes, a->site->peak_bytes);
    order = order != 0 ? order : lmm_compare_u64(b->site->peak_blocks, a->site->peak_blocks);
    return order != 0 ? order : compare_names(a, b);
}

/* Adds what was lost of a trace to the row of its type. The rows are in the order of names. */
static void add_lost(struct lmm_type_rows *rows, const struct lmm_trace *trace)
{
    static const struct lmm_model_type unknown = {.gap = LMM_MODEL_TYPE_UNKNOWN};
    struct lmm_model_site site = {.type = trace->type == NULL ? &unknown : trace->type};
    struct lmm_type_row wanted = {.site = &site};
    struct lmm_type_row *row =
        bsearch(&wanted, rows->items, rows->count, sizeof(*rows->items), compare_names);
    const struct lmm_tally *tally = &trace->tally;

    if (row != NULL) {
        row->lost.blocks = lmm_add_saturated(
            row->lost.blocks, lmm_add_saturated(tally->direct.blocks, tally->indirect.blocks));
        row->lost.bytes = lmm_add_saturated(
            row->lost.bytes, lmm_add_saturated(tally->direct.bytes, tally->indirect.bytes));
    }
}

/* Leaves the rows with bytes or blocks at the peak, in the order of the report. */
static void order(struct lmm_type_rows *rows, char *const *patterns)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct lmm_model_site *site = rows->items[i].site;

        if ((site->peak_blocks > 0 || site->peak_bytes > 0) &&
            lmm_select_matches_type(patterns, site->type)) {
            if (is_known(&rows->items[i])) {
                rows->known++;
                rows->known_bytes = lmm_add_saturated(rows->known_bytes, site->peak_bytes);
            }
            rows->items[kept++] = rows->items[i];
        }
    }
    rows->count = kept;
    qsort(rows->items, kept, sizeof(*rows->items), compare_rows);
}

static bool any_is_known(const struct lmm_model *model)
{
    for (size_t i = 0; i < model->site_count; i++) {
        if (model->sites[i].type != NULL && lmm_site_type_is_known(model->sites[i].type)) {
            return true;
        }
    }
    return false;
}

bool lmm_type_rows_make(const struct lmm_spots *spots, struct lmm_type_rows *ret_rows)
{
    struct lmm_model model = *spots->model;
    struct lmm_type_rows rows = {.items = NULL};

    *ret_rows = rows;
    if (!any_is_known(&model)) {
        return true;
    }
    if (!lmm_merge_sites(&model, LMM_BY_TYPE, NULL, &rows.merge)) {
        return false;
    }
    rows.items = calloc(model.site_count + 1, sizeof(*rows.items));
    if (rows.items == NULL) {
        lmm_type_rows_free(&rows);
        return false;
    }
    for (; rows.count < model.site_count; rows.count++) {
        rows.items[rows.count].site = &model.sites[rows.count];
    }
    qsort(rows.items, rows.count, sizeof(*rows.items), compare_names);
    for (size_t i = 0; i < spots->count; i++) {
        for (size_t k = 0; k < spots->items[i].trace_count; k++) {
            add_lost(&rows, &spots->items[i].traces[k]);
        }
    }
    order(&rows, spots->types);
    *ret_rows = rows;
    return true;
}

void lmm_type_rows_free(struct lmm_type_rows *rows)
{
    free(rows->items);
    lmm_merge_free(&rows->merge);
    *rows = (struct lmm_type_rows) {.items = NULL};
}
