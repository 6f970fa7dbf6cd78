/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/all_types.h"

#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/numbers.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"

static void add_amount(struct lmm_model_amount *sum, const struct lmm_tally *tally)
{
    sum->blocks = lmm_add_saturated(sum->blocks, tally->peak_blocks);
    sum->bytes = lmm_add_saturated(sum->bytes, tally->peak_bytes);
}

/* Returns the row of a type, a new one if there is none; NULL: out of memory. */
static struct lmm_all_type *row_of(struct lmm_all_types *types, struct lmm_numbers *numbers,
                                   const struct lmm_model_type *type)
{
    uint64_t key = lmm_hash_string(1, type->name);
    uint32_t *number = lmm_numbers_at(numbers, key);

    while (number != NULL && *number != 0 && types->items != NULL &&
           lmm_compare_strings(types->items[*number - 1].type.name, type->name) != 0) {
        key = lmm_hash_u64(key, 0); /* another type with this key */
        number = lmm_numbers_at(numbers, key);
    }
    if (number != NULL && *number == 0) {
        struct lmm_all_type *added = lmm_array_add(&types->items, &types->count, sizeof(*added));

        if (added == NULL) {
            return NULL;
        }
        added->type = *type;
        *number = (uint32_t) types->count;
    }
    return number == NULL ? NULL : &types->items[*number - 1];
}

static bool add_trace(struct lmm_all_types *types, struct lmm_numbers *numbers,
                      const struct lmm_run_report_process *process, const struct lmm_trace *trace)
{
    struct lmm_model_site site = *trace->site;
    struct lmm_model_type type;

    site.type = trace->type;
    lmm_site_type(process->model, &site, &type);
    if (!lmm_tally_counts(&trace->tally, LMM_MEASURE_PEAK) ||
        !lmm_select_matches_type(process->spots->types, &type)) {
        return true;
    }
    if (!lmm_site_type_is_known(&type)) {
        add_amount(&types->unknown, &trace->tally);
        return true;
    }
    struct lmm_all_type *row = row_of(types, numbers, &type);

    if (row == NULL) {
        return false;
    }
    row->type = type.confidence < row->type.confidence ? type : row->type;
    row->processes += row->last != process;
    row->last = process;
    add_amount(&row->peak, &trace->tally);
    add_amount(&types->known, &trace->tally);
    return true;
}

static bool add_process(struct lmm_all_types *types, struct lmm_numbers *numbers,
                        const struct lmm_run_report_process *process)
{
    const struct lmm_spots *spots = process->spots;
    bool good = true;

    for (size_t i = 0; i < spots->count; i++) {
        for (size_t k = 0; k < spots->items[i].trace_count && good; k++) {
            good = add_trace(types, numbers, process, &spots->items[i].traces[k]);
        }
    }
    return good;
}

static int compare(const void *left, const void *right)
{
    const struct lmm_all_type *a = left;
    const struct lmm_all_type *b = right;
    int order = lmm_compare_u64(b->peak.bytes, a->peak.bytes);

    return order != 0 ? order : lmm_compare_strings(a->type.name, b->type.name);
}

bool lmm_all_types_make(const struct lmm_run_report_process *processes, size_t count,
                        struct lmm_all_types *ret_types)
{
    struct lmm_all_types types = {.items = NULL};
    struct lmm_numbers numbers = {.entries = NULL};
    bool good = true;

    for (size_t i = 0; i < count && good; i++) {
        good = processes[i].model->other_malloc.bytes > 0 ||
               add_process(&types, &numbers, &processes[i]);
    }
    lmm_numbers_free(&numbers);
    if (!good) {
        lmm_all_types_free(&types);
        return false;
    }
    if (types.count > 1) {
        qsort(types.items, types.count, sizeof(*types.items), compare);
    }
    *ret_types = types;
    return true;
}

void lmm_all_types_free(struct lmm_all_types *types)
{
    free(types->items);
    *types = (struct lmm_all_types) {.items = NULL};
}
