/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/merge.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/key_sort.h"
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
    uint32_t line; /* the number of its line, if rows are types */
};

struct merging {
    const struct lmm_model *model;
    enum lmm_by by;
    struct lmm_numbers *ids;
    struct item *items;
    struct lmm_places places;
    struct lmm_places lines; /* if rows are types */
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

/* A sum is a new use: the old one may be of a site, or of another row. */
static void add_page_use(struct lmm_merge *merge, struct lmm_model_site *sum,
                         const struct lmm_model_page_use *use)
{
    if (sum->page_use == NULL || use == NULL) {
        sum->page_use = sum->page_use == NULL ? use : sum->page_use;
        return;
    }
    struct lmm_model_page_use *both = &merge->page_uses[merge->page_use_count++];

    *both = *sum->page_use;
    add_to(&both->blocks, use->blocks);
    add_to(&both->live_bytes, use->live_bytes);
    add_to(&both->held_bytes, use->held_bytes);
    add_to(&both->sparse_blocks, use->sparse_blocks);
    add_to(&both->sparse_live_bytes, use->sparse_live_bytes);
    add_to(&both->sparse_bytes, use->sparse_bytes);
    sum->page_use = both;
}

static void add(struct lmm_merge *merge, struct lmm_model_site *sum,
                const struct lmm_model_site *site)
{
    add_page_use(merge, sum, site->page_use);
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
    sum->type = lmm_site_type_common(sum->type, site->type);
    if (sum->family == &of_malloc || site->family == &of_malloc) {
        sum->family = &of_malloc;
    } else if (sum->family != site->family) {
        sum->family = &several;
    }
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static uint64_t stack_of(const void *item)
{
    const struct lmm_model_site *site = ((const struct item *) item)->site;

    return (uint64_t) site->stack << 32 | site->id;
}

static uint64_t place_of(const void *item)
{
    const struct item *of = item;

    return (uint64_t) of->place << 32 | of->line;
}

/* Sorts the items by a key, and those of one key as they are. Returns false when memory ran out. */
static bool sort_items_by(struct merging *merging, uint64_t (*key_of)(const void *item))
{
    struct item *sorted = lmm_key_sort_items(merging->items, merging->model->site_count,
                                             sizeof(*merging->items), key_of);

    if (sorted != NULL) {
        free(merging->items);
        merging->items = sorted;
    }
    return sorted != NULL;
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
        add(&merging->merge, part, items[i].site);
    }
    if (part->stack != 0 && merging->by != LMM_BY_FAMILY) {
        part->family = &of_malloc;
    }
    return i;
}

/* ---- Rows by type ---------------------------------------------------------------------------- */

/* What the items of one line of a row have together. */
struct line {
    const struct lmm_model_site *site;
    uint64_t live_bytes;
    uint64_t peak_bytes;
};

static struct line larger(struct line a, struct line b, bool at_peak)
{
    uint64_t a_first = at_peak ? a.peak_bytes : a.live_bytes;
    uint64_t b_first = at_peak ? b.peak_bytes : b.live_bytes;
    int order = lmm_compare_u64(a_first, b_first);

    order = order != 0 ? order
                       : lmm_compare_u64(at_peak ? a.live_bytes : a.peak_bytes,
                                         at_peak ? b.live_bytes : b.peak_bytes);
    return a.site == NULL || order < 0 ? b : a;
}

/* Counts the lines of a row, and finds the largest; the row has the items [first, end). */
static void count_lines(struct merging *merging, struct lmm_model_site *row, size_t first,
                        size_t end)
{
    struct lmm_model_lines *lines = &merging->merge.lines[merging->row_count - 1];
    struct line largest = {.site = NULL};
    struct line at_peak = {.site = NULL};

    *lines = (struct lmm_model_lines) {.count = 0};
    for (size_t i = first; i < end;) {
        struct line line = {.site = merging->items[i].site};
        uint32_t number = merging->items[i].line;

        for (; i < end && merging->items[i].line == number; i++) {
            add_to(&line.live_bytes, merging->items[i].site->live_bytes);
            add_to(&line.peak_bytes, merging->items[i].site->peak_bytes);
        }
        largest = larger(largest, line, false);
        at_peak = larger(at_peak, line, true);
        lines->count++;
    }
    lines->largest = largest.site;
    lines->largest_at_peak = at_peak.site;
    row->lines = lines;
}

/* Returns why a type is not known: "libssl.so.3: no debug information"; NULL: out of memory. */
static char *reason_of(struct merging *merging, const struct lmm_model_type *type)
{
    const char *lack = lmm_site_type_lack(type);
    char *text = NULL;
    int length = lack == NULL ? asprintf(&text, "(unknown)")
                              : asprintf(&text, "%.*s: %s", (int) type->lacking.bytes,
                                         type->lacking.text, lack);

    if (length < 0) {
        return NULL;
    }
    merging->merge.reasons[merging->merge.reason_count++] = text;
    return text;
}

/* Gives a row the type of one of its sites, and the name of that. */
static bool set_type(struct merging *merging, struct lmm_model_site *row,
                     const struct lmm_model_site *site)
{
    struct lmm_model_type *type = &merging->merge.types[merging->row_count - 1];
    const char *reason = NULL;

    lmm_site_type(merging->model, site, type);
    if (lmm_site_type_is_known(type)) {
        type->confidence = row->type == NULL ? type->confidence : row->type->confidence;
        row->file = type->name;
    } else {
        reason = reason_of(merging, type);
        *type = (struct lmm_model_type) {.gap = lmm_site_type_gap(type), .lacking = type->lacking};
        row->file = lmm_string_of(reason == NULL ? "" : reason);
    }
    row->type = type;
    return reason != NULL || type->name.bytes > 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void name_row(const struct merging *merging, struct lmm_model_site *row)
{
    if (merging->by == LMM_BY_FUNCTION) {
        row->line = 0;
    } else if (merging->by == LMM_BY_MODULE || merging->by == LMM_BY_FAMILY ||
               merging->by == LMM_BY_TYPE) {
        row->file = merging->by != LMM_BY_MODULE ? lmm_string_of("(all places)")
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

/* Adds the row of the place of the items [item, end), which have the parts from `first` on to the last one. */
static bool add_row(struct merging *merging, size_t first, size_t item, size_t end)
{
    struct lmm_model_site *parts = &merging->merge.parts[first];
    struct lmm_model_site *row = &merging->merge.rows[merging->row_count++];
    size_t count = merging->part_count - first;

    qsort(parts, count, sizeof(*parts), lmm_model_compare_sites);
    *row = parts[0];
    for (size_t i = 1; i < count; i++) {
        add(&merging->merge, row, &parts[i]);
    }
    row->losses = NULL; /* those of one site */
    row->parts = parts;
    row->part_count = (uint32_t) count;
    row->share_permille = lmm_model_permille(row->live_bytes, merging->model->total.live_bytes);
    name_row(merging, row);
    if (merging->by == LMM_BY_TYPE) {
        count_lines(merging, row, item, end);
        if (!set_type(merging, row, merging->items[item].site)) {
            return false;
        }
    }
    return keep_id(merging, row, merging->places.keys[merging->items[item].place]);
}

static bool add_rows(struct merging *merging)
{
    size_t count = merging->model->site_count;

    for (size_t i = 0; i < count;) {
        uint32_t place = merging->items[i].place;
        size_t first = merging->part_count;
        size_t item = i;

        while (i < count && merging->items[i].place == place) {
            i = add_part(merging, i);
        }
        if (!add_row(merging, first, item, i)) {
            return false;
        }
    }
    return true;
}

/* Makes what only rows by type need. */
static bool prepare_types(struct merging *merging)
{
    size_t count = merging->model->site_count;

    merging->merge.types = lmm_array_room(count, sizeof(*merging->merge.types));
    merging->merge.lines = lmm_array_room(count, sizeof(*merging->merge.lines));
    merging->merge.reasons = lmm_array_room(count, sizeof(char *));
    return merging->merge.types != NULL && merging->merge.lines != NULL &&
           merging->merge.reasons != NULL &&
           lmm_places_make(merging->model, LMM_BY_LINE, &merging->lines);
}

static bool merge(struct merging *merging)
{
    size_t count = merging->model->site_count;
    bool by_type = merging->by == LMM_BY_TYPE;

    merging->items = lmm_array_room(count, sizeof(*merging->items));
    merging->merge.rows = lmm_array_room(count, sizeof(*merging->merge.rows));
    merging->merge.parts = lmm_array_room(count, sizeof(*merging->merge.parts));
    /* Each site is added to a part, and each part to a row. */
    merging->merge.page_uses =
        lmm_array_room(2 * merging->model->page_walk.use_count, sizeof(*merging->merge.page_uses));
    if (merging->items == NULL || merging->merge.rows == NULL || merging->merge.parts == NULL ||
        merging->merge.page_uses == NULL ||
        !lmm_places_make(merging->model, merging->by, &merging->places) ||
        (by_type && !prepare_types(merging))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        merging->items[i] = (struct item) {&merging->model->sites[i], merging->places.of[i],
                                           by_type ? merging->lines.of[i] : 0};
    }
    return sort_items_by(merging, stack_of) && sort_items_by(merging, place_of) &&
           add_rows(merging);
}

bool lmm_merge_sites(struct lmm_model *model, enum lmm_by by, struct lmm_numbers *ids,
                     struct lmm_merge *ret_merge)
{
    struct merging merging = {.model = model, .by = by, .ids = ids};
    bool merged = by == LMM_BY_SITE || merge(&merging);

    free(merging.items);
    lmm_places_free(&merging.places);
    lmm_places_free(&merging.lines);
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
    free(merge->types);
    free(merge->lines);
    free(merge->page_uses);
    for (size_t i = 0; i < merge->reason_count; i++) {
        free(merge->reasons[i]);
    }
    free((void *) merge->reasons);
    *merge = (struct lmm_merge) {.rows = NULL};
}
