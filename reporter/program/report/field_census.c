/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/field_census.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/types/layout_change.h"
#include "reporter/program/types/type_name.h"

enum {
    ELEMENTS_MIN = 16, /* fewer structs say too little */
    MOSTLY_PERMILLE = 900,
    SHORT_PART = 4, /* of an array is not used, at least */
    MOSTLY_BITS = 64,
    FILLED_BITS_MIN = 16, /* of a smaller field the pattern may be a value */
};

const char *lmm_field_finding_word(enum lmm_field_finding finding)
{
    static const char *const words[] = {"never", "same", "narrow", "short", "mostly", "none"};

    _Static_assert(sizeof(words) / sizeof(words[0]) == LMM_FIELD_FINDINGS, "each has a word");
    return words[finding];
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static int compare_sites(const void *left, const void *right)
{
    const struct lmm_model_site *a = *(const struct lmm_model_site *const *) left;
    const struct lmm_model_site *b = *(const struct lmm_model_site *const *) right;
    int order = lmm_compare_u64(b->live_blocks, a->live_blocks);

    return order != 0 ? order : lmm_compare_u64(a->id, b->id);
}

/* Returns whether blocks of a site start with a struct of their type. */
static bool starts_with_struct(const struct lmm_diet *diet, const struct lmm_model_site *site)
{
    struct lmm_model_type type;

    lmm_site_type(diet->model, site, &type);
    return !type.is_after_header;
}

/* Lists the sites of a type in which blocks live, most blocks first; those with a header before the struct are left out.
 * NULL: memory ran out. */
static uint32_t *list_sites(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                            size_t *ret_count)
{
    const struct lmm_model_site **sorted =
        calloc(type->site_count + 1, sizeof(struct lmm_model_site *));
    uint32_t *ids = calloc(type->site_count + 1, sizeof(*ids));
    size_t count = 0;

    if (sorted == NULL || ids == NULL) {
        free(sorted);
        free(ids);
        return NULL;
    }
    memcpy(sorted, type->sites, type->site_count * sizeof(struct lmm_model_site *));
    qsort(sorted, type->site_count, sizeof(struct lmm_model_site *), compare_sites);
    for (size_t i = 0; i < type->site_count && sorted[i]->live_blocks > 0; i++) {
        if (starts_with_struct(diet, sorted[i])) {
            ids[count++] = sorted[i]->id;
        }
    }
    free(sorted);
    *ret_count = count;
    return ids;
}

/* Returns whether blocks of a type are whole numbers of structs: one of its sites allocates arrays, and no struct has an
 * array at its end. */
static bool has_arrays(const struct lmm_diet *diet, const struct lmm_diet_type *type)
{
    const struct lmm_layout *layout = &type->layout;
    bool has_tail = layout->count > 0 && layout->fields[layout->count - 1].kind == LMM_FIELD_TAIL;

    for (size_t i = 0; i < type->site_count && !has_tail; i++) {
        struct lmm_model_type of_site;

        lmm_site_type(diet->model, type->sites[i], &of_site);
        if (of_site.name.bytes > of_site.element.bytes && !of_site.has_more) {
            return true;
        }
    }
    return false;
}

/* Adds a row for each leaf that was asked for; returns false when memory ran out. */
static bool add_rows(struct lmm_field_census *census, const struct lmm_census_type *type,
                     size_t first, size_t count, const struct lmm_field_answer *answer)
{
    for (size_t i = 0; i < count; i++) {
        struct lmm_census_row *row = lmm_array_add(&census->rows, &census->row_count, sizeof(*row));

        if (row == NULL) {
            return false;
        }
        *row = (struct lmm_census_row) {.type = type->type,
                                        .leaf = &type->leaves.list[first + i],
                                        .figures = answer->figures[i],
                                        .finding = LMM_FIELD_NOTHING};
        row->figures.elements = answer->elements;
    }
    return true;
}

/* Asks for all leaves of a type, some at a time. Returns false when memory ran out. */
static bool ask_type(const struct lmm_diet *diet, struct lmm_field_census *census,
                     struct lmm_census_type *type, lmm_field_ask *ask, void *arg)
{
    static struct lmm_field_answer answer;
    size_t site_count = 0;
    uint32_t *sites = list_sites(diet, type->type, &site_count);
    size_t left = sites == NULL || site_count == 0 ? 0 : type->leaves.count;
    bool done = sites != NULL;

    type->has_all_sites = site_count <= LMM_FIELD_SITES_MAX;
    while (left > 0 && done && !census->has_failed) {
        size_t first = type->leaves.count - left;
        size_t count = lmm_smaller(left, LMM_FIELD_QUESTION_MAX);
        const struct lmm_field_question question = {
            .element_bytes = type->type->layout.bytes,
            .has_arrays = has_arrays(diet, type->type),
            .leaves = &type->leaves.list[first],
            .leaf_count = count,
            .sites = sites,
            .site_count = lmm_smaller(site_count, LMM_FIELD_SITES_MAX),
        };

        if (!ask(&question, arg, &answer)) {
            census->has_failed = true;
            break;
        }
        type->is_asked = true;
        type->blocks = answer.blocks;
        type->elements = answer.elements;
        type->skipped = answer.skipped;
        done = add_rows(census, type, first, count, &answer);
        left -= count;
    }
    free(sites);
    return done;
}

static bool is_standard(const struct lmm_diet_type *type)
{
    char name[LMM_TYPE_NAME_MAX];

    snprintf(name, sizeof(name), "%.*s", (int) lmm_smaller(type->type.element.bytes, sizeof(name)),
             type->type.element.text);
    return lmm_type_name_is_standard(name);
}

static bool is_wanted(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                      uint64_t least_bytes)
{
    if (type->amount.blocks == 0 || diet->is_at_peak) {
        return false;
    }
    return diet->options.types != NULL
               ? lmm_select_matches_type(diet->options.types, &type->type)
               : type->has_layout && type->amount.bytes >= least_bytes && !is_standard(type);
}

/* Asks for the types that are wanted; the list is as long as the diet's, so that it does not move. */
static bool ask_types(const struct lmm_diet *diet, uint64_t least_bytes, size_t most,
                      lmm_field_ask *ask, void *arg, struct lmm_field_census *census)
{
    census->types = calloc(diet->type_count + 1, sizeof(*census->types));
    if (census->types == NULL) {
        return false;
    }
    for (size_t i = 0; i < diet->type_count && census->type_count < most; i++) {
        const struct lmm_diet_type *type = &diet->types[i];
        struct lmm_census_type *added = &census->types[census->type_count];

        if (!is_wanted(diet, type, least_bytes)) {
            continue;
        }
        *added = (struct lmm_census_type) {.type = type};
        census->type_count++;
        if (type->has_layout && type->layout.bytes <= LMM_FIELD_ELEMENT_MAX &&
            (!lmm_leaves_read(&type->layout, &added->leaves) ||
             !ask_type(diet, census, added, ask, arg))) {
            return false;
        }
    }
    return true;
}

/* ---- Findings -------------------------------------------------------------------------------- */

/* Returns the bytes, 1, 2, 4 or 8, that the values of a number need, with a sign or without. */
static uint64_t bytes_of_values(const struct lmm_census_row *row)
{
    bool is_negative = row->leaf->kind == LMM_LEAF_SIGNED && (int64_t) row->figures.least < 0;
    uint64_t bytes = 1;

    for (; bytes < sizeof(uint64_t); bytes *= 2) {
        int64_t limit = INT64_C(1) << (8 * bytes - 1);

        if (is_negative
                ? (int64_t) row->figures.least >= -limit && (int64_t) row->figures.most < limit
                : row->figures.most >> 8 * bytes == 0) {
            break;
        }
    }
    return bytes;
}

/* Returns the bytes of an array up to its last element that is used; of a text, the NUL after it. */
static uint64_t bytes_of_array(const struct lmm_census_row *row)
{
    uint64_t element = row->leaf->element_bytes;
    uint64_t used = row->figures.most + (element == 1);

    return (used + element - 1) / element * element;
}

static bool is_number(const struct lmm_leaf *leaf)
{
    return (leaf->kind == LMM_LEAF_UNSIGNED || leaf->kind == LMM_LEAF_SIGNED) &&
           !leaf->is_bit_field;
}

/* Returns whether a value is what the option fill=alloc (lmm(7)) puts into new blocks. */
static bool is_as_filled(const struct lmm_census_row *row)
{
    const struct lmm_leaf *leaf = row->leaf;

    if (leaf->kind == LMM_LEAF_BYTES || leaf->element_bytes != 0 || leaf->bits < FILLED_BITS_MIN) {
        return false;
    }
    unsigned unused = 64 - (unsigned) leaf->bits;
    uint64_t filled = UINT64_C(0xaaaaaaaaaaaaaaaa) << unused >> unused;

    return row->figures.first << unused >> unused == filled;
}

static void judge(struct lmm_census_row *row)
{
    const struct lmm_field_figures *figures = &row->figures;
    const struct lmm_leaf *leaf = row->leaf;
    bool is_array = leaf->element_bytes > 0; /* of numbers, unless it is one of bytes */
    uint64_t bytes =
        is_array && leaf->kind != LMM_LEAF_BYTES ? leaf->element_bytes : leaf->bits / 8;

    if (figures->elements < ELEMENTS_MIN) {
        return;
    }
    if (figures->zeros == figures->elements) {
        row->finding = LMM_FIELD_NEVER;
    } else if (figures->sames == figures->elements) {
        row->finding = is_as_filled(row) ? LMM_FIELD_NEVER : LMM_FIELD_SAME_VALUE;
    } else if (is_number(leaf) && bytes_of_values(row) < bytes) {
        row->finding = LMM_FIELD_NARROW;
        row->needed_bytes = bytes_of_values(row);
    } else if (leaf->kind == LMM_LEAF_BYTES && is_array &&
               bytes_of_array(row) <= bytes - bytes / SHORT_PART) {
        row->finding = LMM_FIELD_SHORT;
        row->needed_bytes = bytes_of_array(row);
    } else if (leaf->bits >= MOSTLY_BITS && (leaf->kind == LMM_LEAF_BYTES || !is_array) &&
               (lmm_model_permille(figures->zeros, figures->elements) >= MOSTLY_PERMILLE ||
                lmm_model_permille(figures->sames, figures->elements) >= MOSTLY_PERMILLE)) {
        row->finding = LMM_FIELD_MOSTLY;
    }
}

/* Returns whether a finding of a struct around the leaf says the same, or more. */
static bool is_covered(const struct lmm_census_row *rows, const struct lmm_census_row *row)
{
    for (int parent = row->leaf->parent; parent != LMM_LEAF_OUTERMOST;
         parent = rows[parent].leaf->parent) {
        enum lmm_field_finding outer = rows[parent].finding;

        if (outer <= LMM_FIELD_SAME_VALUE ||
            (outer == LMM_FIELD_MOSTLY && row->finding == LMM_FIELD_MOSTLY)) {
            return true;
        }
    }
    return false;
}

/* ---- What is saved --------------------------------------------------------------------------- */

/* Sets the change of the field that a row is about, perhaps after one to fewer elements; false: there is none. */
static bool change_field(const struct lmm_census_row *row, struct lmm_field_change *changes)
{
    const struct lmm_leaf *leaf = row->leaf;

    if (leaf->own == LMM_LEAF_NOT_OWN || row->finding > LMM_FIELD_SHORT) {
        return false;
    }
    struct lmm_field_change *change = &changes[leaf->own];

    if (row->finding == LMM_FIELD_NARROW && leaf->element_bytes > 0) {
        uint64_t bytes = change->bytes == LMM_FIELD_SAME ? leaf->bits / 8 : change->bytes;

        change->bytes = bytes / leaf->element_bytes * row->needed_bytes;
        change->align = row->needed_bytes;
    } else {
        change->bytes = row->needed_bytes;
    }
    return true;
}

/* Weighs the change of one field. */
static void weigh_row(const struct lmm_diet *diet, struct lmm_census_row *row,
                      const struct lmm_field_change *changes)
{
    const struct lmm_layout *layout = &row->type->layout;
    struct lmm_layout_size best;
    struct lmm_layout_size after;

    lmm_layout_best(layout, &best);
    if (!lmm_layout_change(layout, changes, &after)) {
        return;
    }
    row->before_bytes = best.bytes;
    row->after_bytes = lmm_smaller(after.bytes, best.bytes);
    if (after.bytes < best.bytes) {
        row->saves_bytes = lmm_subtract_saturated(lmm_diet_saving(diet, row->type, &after),
                                                  lmm_diet_saving(diet, row->type, &best));
    }
}

static void weigh_all(const struct lmm_diet *diet, struct lmm_census_type *type,
                      const struct lmm_field_change *changes)
{
    struct lmm_layout_size best;
    struct lmm_layout_size after;

    lmm_layout_best(&type->type->layout, &best);
    if (lmm_layout_change(&type->type->layout, changes, &after) && after.bytes < best.bytes) {
        type->after_bytes = after.bytes;
        type->saves_bytes = lmm_diet_saving(diet, type->type, &after);
    }
}

static void set_same(const struct lmm_layout *layout, struct lmm_field_change *changes)
{
    for (size_t i = 0; i < layout->count; i++) {
        changes[i] = (struct lmm_field_change) {.bytes = LMM_FIELD_SAME};
    }
}

/* Weighs what was found in the rows of a type: each alone, and all together. Returns false when memory ran out. */
static bool weigh_type(const struct lmm_diet *diet, struct lmm_census_type *type,
                       struct lmm_census_row *rows, size_t count)
{
    const struct lmm_layout *layout = &type->type->layout;
    struct lmm_field_change *one = calloc(layout->count + 1, sizeof(*one));
    struct lmm_field_change *all = calloc(layout->count + 1, sizeof(*all));
    bool done = one != NULL && all != NULL;

    if (done) {
        set_same(layout, all);
    }
    for (size_t i = 0; done && i < count; i++) {
        set_same(layout, one);
        if (change_field(&rows[i], one)) {
            change_field(&rows[i], all);
            weigh_row(diet, &rows[i], one);
        }
    }
    if (done) {
        weigh_all(diet, type, all);
    }
    free(one);
    free(all);
    return done;
}

static bool judge_types(const struct lmm_diet *diet, struct lmm_field_census *census)
{
    size_t first = 0;

    for (size_t i = 0; i < census->type_count; i++) {
        struct lmm_census_type *type = &census->types[i];
        struct lmm_census_row *rows = &census->rows[first];
        size_t count = 0;

        while (first + count < census->row_count && rows[count].type == type->type) {
            judge(&rows[count]);
            if (is_covered(rows, &rows[count])) {
                rows[count].finding = LMM_FIELD_NOTHING;
            }
            count++;
        }
        if (count > 0 && !weigh_type(diet, type, rows, count)) {
            return false;
        }
        first += count;
    }
    return true;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Those that are never set first, those without a finding last, those that are mostly zero before these. */
static int rank_of(const struct lmm_census_row *row)
{
    switch (row->finding) {
    case LMM_FIELD_NEVER: return 0;
    case LMM_FIELD_MOSTLY: return 2;
    case LMM_FIELD_NOTHING: return 3;
    default: return 1;
    }
}

static int compare_rows(const void *left, const void *right)
{
    const struct lmm_census_row *a = left;
    const struct lmm_census_row *b = right;
    int order = rank_of(a) - rank_of(b);

    order = order != 0 ? order : lmm_compare_u64(b->saves_bytes, a->saves_bytes);
    order = order != 0 ? order : lmm_compare_u64(b->type->amount.bytes, a->type->amount.bytes);
    order = order != 0 ? order : lmm_compare_strings(a->type->type.element, b->type->type.element);
    order = order != 0 ? order : lmm_compare_u64(a->type->type.bytes, b->type->type.bytes);
    return order != 0 ? order : lmm_compare_u64((uintptr_t) a->leaf, (uintptr_t) b->leaf);
}

bool lmm_field_census_make(const struct lmm_diet *diet, uint64_t least_bytes, size_t most,
                           lmm_field_ask *ask, void *arg, struct lmm_field_census *ret_census)
{
    struct lmm_field_census census = {.types = NULL};

    if (!ask_types(diet, least_bytes, most, ask, arg, &census) || !judge_types(diet, &census)) {
        lmm_field_census_free(&census);
        return false;
    }
    if (census.row_count > 0) {
        qsort(census.rows, census.row_count, sizeof(*census.rows), compare_rows);
    }
    while (census.found < census.row_count &&
           census.rows[census.found].finding != LMM_FIELD_NOTHING) {
        census.found++;
    }
    *ret_census = census;
    return true;
}

void lmm_field_census_free(struct lmm_field_census *census)
{
    for (size_t i = 0; i < census->type_count; i++) {
        lmm_leaves_free(&census->types[i].leaves);
    }
    free(census->types);
    free(census->rows);
    *census = (struct lmm_field_census) {.types = NULL};
}
