/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/all_lines.h"

#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/array.h"
#include "reporter/program/report/numbers.h"
#include "reporter/program/report/run_report.h"

/* As in places.h: without a call stack, the family belongs to the line. */
static uint64_t key_of(const struct lmm_model_site *site)
{
    uint64_t key = lmm_hash_string(lmm_hash_u64(site->stack != 0, site->line), site->file);

    key = lmm_hash_string(key, site->function);
    return site->stack != 0 ? key : lmm_hash_string(key, site->family->name);
}

static int compare_lines(const struct lmm_model_site *a, const struct lmm_model_site *b)
{
    int order = lmm_compare_strings(a->file, b->file);

    order = order != 0 ? order : lmm_compare_u64(a->line, b->line);
    order = order != 0 ? order : lmm_compare_strings(a->function, b->function);
    order = order != 0 ? order : lmm_compare_u64(a->stack != 0, b->stack != 0);
    if (order == 0 && a->stack == 0) {
        order = lmm_compare_strings(a->family->name, b->family->name);
    }
    return order;
}

/* Returns the line of a site, a new one if there is none; NULL: out of memory. */
static struct lmm_all_line *line_of(struct lmm_all_lines *lines, struct lmm_numbers *numbers,
                                    const struct lmm_model_site *site)
{
    uint64_t key = key_of(site);
    uint32_t *number = lmm_numbers_at(numbers, key);

    while (number != NULL && *number != 0 && lines->items != NULL &&
           compare_lines(lines->items[*number - 1].site, site) != 0) {
        key = lmm_hash_u64(key, 0); /* another line with this key */
        number = lmm_numbers_at(numbers, key);
    }
    if (number == NULL) {
        return NULL;
    }
    if (*number == 0) {
        struct lmm_all_line *added = lmm_array_add(&lines->items, &lines->count, sizeof(*added));

        if (added == NULL) {
            return NULL;
        }
        added->site = site;
        *number = (uint32_t) lines->count;
    }
    return &lines->items[*number - 1];
}

/* Sets the type of each measure by a spot whose tally is not yet in the line's. Cost: the spot's traces. */
static void add_types(struct lmm_all_line *line, const struct lmm_spot *spot)
{
    for (enum lmm_measure measure = 0; measure < LMM_MEASURES; measure++) {
        if (lmm_tally_counts(&spot->tally, measure)) {
            const struct lmm_model_type *type = lmm_spot_type(spot, measure);
            bool is_first = !lmm_tally_counts(&line->tally, measure);

            line->types[measure] =
                is_first ? type : lmm_site_type_common(line->types[measure], type);
        }
    }
}

static bool add_process(struct lmm_all_lines *lines, struct lmm_numbers *numbers,
                        const struct lmm_run_report_process *process)
{
    for (size_t i = 0; i < process->spots->count; i++) {
        const struct lmm_spot *spot = &process->spots->items[i];
        struct lmm_all_line *line = spot->is_hidden ? NULL : line_of(lines, numbers, spot->site);

        if (spot->is_hidden) {
            continue;
        }
        if (line == NULL) {
            return false;
        }
        line->model = line->model == NULL ? process->model : line->model;
        add_types(line, spot);
        lmm_tally_add(&line->tally, &spot->tally);
        line->processes++;
    }
    lmm_tally_add(&lines->total, &process->spots->total);
    lines->frees += process->model->total.frees;
    return true;
}

bool lmm_all_lines_make(const struct lmm_run_report_process *processes, size_t count,
                        struct lmm_all_lines *ret_lines)
{
    struct lmm_all_lines lines = {.items = NULL};
    struct lmm_numbers numbers = {.entries = NULL};
    bool good = true;

    for (size_t i = 0; i < count && good; i++) {
        good = processes[i].model->other_malloc.bytes > 0 ||
               add_process(&lines, &numbers, &processes[i]);
    }
    lmm_numbers_free(&numbers);
    if (good) {
        *ret_lines = lines;
    } else {
        lmm_all_lines_free(&lines);
    }
    return good;
}

static int compare(const void *left, const void *right, void *measure)
{
    const struct lmm_all_line *a = left;
    const struct lmm_all_line *b = right;
    enum lmm_measure by = *(enum lmm_measure *) measure;
    int order = lmm_compare_u64(lmm_tally_first(&b->tally, by), lmm_tally_first(&a->tally, by));

    order = order != 0
                ? order
                : lmm_compare_u64(lmm_tally_second(&b->tally, by), lmm_tally_second(&a->tally, by));
    return order != 0 ? order : compare_lines(a->site, b->site);
}

size_t lmm_all_lines_order(struct lmm_all_lines *lines, enum lmm_measure measure)
{
    size_t count = 0;

    if (lines->count > 1) {
        qsort_r(lines->items, lines->count, sizeof(*lines->items), compare, &measure);
    }
    for (size_t i = 0; i < lines->count; i++) {
        const struct lmm_tally *tally = &lines->items[i].tally;

        count += lmm_tally_first(tally, measure) > 0 || lmm_tally_second(tally, measure) > 0;
    }
    return count;
}

void lmm_all_lines_free(struct lmm_all_lines *lines)
{
    free(lines->items);
    *lines = (struct lmm_all_lines) {.items = NULL};
}
