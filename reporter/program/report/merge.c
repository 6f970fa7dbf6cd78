/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/merge.h"

#include <assert.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/report/numbers.h"

static const struct lmm_model_family of_malloc = {
    .name = {"malloc", sizeof("malloc") - 1},
    .type = {"malloc", sizeof("malloc") - 1},
};
static const struct lmm_model_family several = {
    .name = {"(several)", sizeof("(several)") - 1},
    .type = {"(several)", sizeof("(several)") - 1},
};

/* A site before it is merged. */
struct item {
    const struct lmm_model_site *site;
    uint32_t place;
};

struct merging {
    const struct lmm_model *model;
    enum lmm_by by;
    struct lmm_numbers *ids;
    struct item *items;
    struct lmm_places places;
    struct lmm_merge merge;
    size_t row_count;
    size_t part_count;
};

/* ---- Sums ------------------------------------------------------------------------------------ */

static void add_to(uint64_t *sum, uint64_t value)
{
    *sum = lmm_add_saturated(*sum, value);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a; /* 0: unknown */
}

static void add(struct lmm_model_site *sum, const struct lmm_model_site *site)
{
    add_to(&sum->live_blocks, site->live_blocks);
    add_to(&sum->live_slots, site->live_slots);
    add_to(&sum->live_bytes, site->live_bytes);
    add_to(&sum->allocations, site->allocations);
    add_to(&sum->frees, site->frees);
    add_to(&sum->allocated_slots, site->allocated_slots);
    add_to(&sum->allocated_bytes, site->allocated_bytes);
    add_to(&sum->freed_slots, site->freed_slots);
    add_to(&sum->temporaries, site->temporaries);
    add_to(&sum->foreign_frees, site->foreign_frees);
    add_to(&sum->peak_blocks, site->peak_blocks);
    add_to(&sum->peak_bytes, site->peak_bytes);
    sum->smallest_bytes = smaller(sum->smallest_bytes, site->smallest_bytes);
    sum->largest_bytes =
        sum->largest_bytes > site->largest_bytes ? sum->largest_bytes : site->largest_bytes;
    sum->id = sum->id < site->id ? sum->id : site->id;
    if (sum->family == &of_malloc || site->family == &of_malloc) {
        sum->family = &of_malloc;
    } else if (sum->family != site->family) {
        sum->family = &several;
    }
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left;
    const struct item *b = right;
    int order = lmm_compare_u64(a->place, b->place);

    order = order != 0 ? order : lmm_compare_u64(a->site->stack, b->site->stack);
    return order != 0 ? order : lmm_compare_u64(a->site->id, b->site->id);
}

/* Adds a part for the items from `first` on that have one place and one stack; returns the index
 * after them. */
static size_t add_part(struct merging *merging, size_t first)
{
    const struct item *items = merging->items;
    struct lmm_model_site *part = &merging->merge.parts[merging->part_count++];
    size_t i = first + 1;

    *part = *items[first].site;
    for (; i < merging->model->site_count && items[i].place == items[first].place &&
           items[i].site->stack == items[first].site->stack;
         i++) {
        add(part, items[i].site);
    }
    if (part->stack != 0 && merging->by != LMM_BY_FAMILY) {
        part->family = &of_malloc;
    }
    return i;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void name_row(const struct merging *merging, struct lmm_model_site *row)
{
    if (merging->by == LMM_BY_FUNCTION) {
        row->line = 0;
    } else if (merging->by == LMM_BY_MODULE || merging->by == LMM_BY_FAMILY) {
        row->file = merging->by == LMM_BY_FAMILY ? lmm_string_of("(all places)")
                                                 : lmm_places_module(merging->model, row);
        row->function = lmm_string_of("");
        row->line = 0;
    }
    if (merging->by != LMM_BY_STACK) {
        row->stack_key = 0;
    }
}

/* Gives the row the id that its place had before, or else remembers its id. */
static bool keep_id(const struct merging *merging, struct lmm_model_site *row, uint64_t key)
{
    uint32_t *number = merging->ids == NULL ? NULL : lmm_numbers_at(merging->ids, key);

    if (merging->ids == NULL || number == NULL) {
        return merging->ids == NULL;
    }
    *number = *number != 0 ? *number : row->id + 1;
    row->id = *number - 1;
    return true;
}

/* Adds the row of a place, which has the parts from `first` on to the last one. */
static bool add_row(struct merging *merging, size_t first, uint32_t place)
{
    struct lmm_model_site *parts = &merging->merge.parts[first];
    struct lmm_model_site *row = &merging->merge.rows[merging->row_count++];
    size_t count = merging->part_count - first;

    qsort(parts, count, sizeof(*parts), lmm_model_compare_sites);
    *row = parts[0];
    for (size_t i = 1; i < count; i++) {
        add(row, &parts[i]);
    }
    row->losses = NULL; /* those of one site */
    row->parts = parts;
    row->part_count = (uint32_t) count;
    row->share_permille = lmm_model_permille(row->live_bytes, merging->model->total.live_bytes);
    name_row(merging, row);
    return keep_id(merging, row, merging->places.keys[place]);
}

static bool add_rows(struct merging *merging)
{
    size_t count = merging->model->site_count;

    for (size_t i = 0; i < count;) {
        uint32_t place = merging->items[i].place;
        size_t first = merging->part_count;

        while (i < count && merging->items[i].place == place) {
            i = add_part(merging, i);
        }
        if (!add_row(merging, first, place)) {
            return false;
        }
    }
    return true;
}

static bool merge(struct merging *merging)
{
    size_t count = merging->model->site_count;

    merging->items = calloc(count + 1, sizeof(*merging->items));
    merging->merge.rows = calloc(count + 1, sizeof(*merging->merge.rows));
    merging->merge.parts = calloc(count + 1, sizeof(*merging->merge.parts));
    if (merging->items == NULL || merging->merge.rows == NULL || merging->merge.parts == NULL ||
        !lmm_places_make(merging->model, merging->by, &merging->places)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        merging->items[i] = (struct item) {&merging->model->sites[i], merging->places.of[i]};
    }
    qsort(merging->items, count, sizeof(*merging->items), compare_items);
    return add_rows(merging);
}

bool lmm_merge_sites(struct lmm_model *model, enum lmm_by by, struct lmm_numbers *ids,
                     struct lmm_merge *ret_merge)
{
    struct merging merging = {.model = model, .by = by, .ids = ids};
    bool merged = by == LMM_BY_SITE || merge(&merging);

    free(merging.items);
    lmm_places_free(&merging.places);
    if (!merged) {
        lmm_merge_free(&merging.merge);
        return false;
    }
    if (by != LMM_BY_SITE) {
        assert(merging.row_count <= merging.part_count);
        qsort(merging.merge.rows, merging.row_count, sizeof(*merging.merge.rows),
              lmm_model_compare_sites);
        model->sites = merging.merge.rows;
        model->site_count = merging.row_count;
    }
    *ret_merge = merging.merge;
    return true;
}

void lmm_merge_free(struct lmm_merge *merge)
{
    free(merge->rows);
    free(merge->parts);
    *merge = (struct lmm_merge) {.rows = NULL};
}
