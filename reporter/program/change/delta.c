/* SPDX-License-Identifier: MIT */
#include "reporter/program/change/delta.h"

#include <assert.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/base/select.h"

static struct lmm_delta_change add_changes(struct lmm_delta_change a, struct lmm_delta_change b)
{
    return (struct lmm_delta_change) {lmm_add_saturated(a.before, b.before),
                                      lmm_add_saturated(a.after, b.after)};
}

int64_t lmm_delta_change_growth(struct lmm_delta_change change)
{
    bool grew = change.after >= change.before;
    uint64_t amount = grew ? change.after - change.before : change.before - change.after;

    if (amount > INT64_MAX) {
        amount = INT64_MAX;
    }
    return grew ? (int64_t) amount : -(int64_t) amount;
}

static bool differs(struct lmm_delta_change change)
{
    return change.before != change.after;
}

bool lmm_delta_row_changed(const struct lmm_delta_row *row)
{
    return differs(row->live_bytes) || differs(row->live_blocks) || differs(row->allocations) ||
           differs(row->frees);
}

/* ---- Order ----------------------------------------------------------------------------------- */

static int compare_types(const void *left, const void *right)
{
    const struct lmm_delta_row *a = left;
    const struct lmm_delta_row *b = right;

    return lmm_compare_strings(a->type, b->type);
}

/* All names except the stack. */
static int compare_places(const void *left, const void *right)
{
    const struct lmm_delta_row *a = left;
    const struct lmm_delta_row *b = right;
    int order = compare_types(a, b);

    order = order != 0 ? order : lmm_compare_u64(a->size_bytes, b->size_bytes);
    order = order != 0 ? order : lmm_compare_u64(a->align_bytes, b->align_bytes);
    order = order != 0 ? order : lmm_compare_strings(a->file, b->file);
    order = order != 0 ? order : lmm_compare_u64(a->line, b->line);
    return order != 0 ? order : lmm_compare_strings(a->function, b->function);
}

static int compare_names(const void *left, const void *right)
{
    const struct lmm_delta_row *a = left;
    const struct lmm_delta_row *b = right;
    int order = compare_places(a, b);

    return order != 0 ? order : lmm_compare_u64(a->stack_key, b->stack_key);
}

static int compare_changes(struct lmm_delta_change a, struct lmm_delta_change b)
{
    return lmm_compare_i64(lmm_delta_change_growth(b), lmm_delta_change_growth(a));
}

static int compare_growth(const void *left, const void *right)
{
    const struct lmm_delta_row *a = left;
    const struct lmm_delta_row *b = right;
    int order = compare_changes(a->live_bytes, b->live_bytes);

    order = order != 0 ? order : compare_changes(a->live_blocks, b->live_blocks);
    order = order != 0 ? order : compare_changes(a->allocations, b->allocations);
    return order != 0 ? order : compare_names(a, b);
}

static int compare_stacks(const void *left, const void *right)
{
    int order = compare_places(left, right);

    return order != 0 ? order : compare_growth(left, right);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void add_row(struct lmm_delta_row *sum, const struct lmm_delta_row *row)
{
    if (row->family.bytes > sum->family.bytes) {
        sum->family = row->family;
    }
    if (row->in_after && !sum->in_after) {
        sum->stack = row->stack;
        sum->site = row->site;
    }
    if (row->in_before && !sum->in_before) {
        sum->id = row->id;
    } else if (row->in_before || !sum->in_before) {
        sum->id = row->id < sum->id ? row->id : sum->id;
    }
    sum->in_before = sum->in_before || row->in_before;
    sum->in_after = sum->in_after || row->in_after;
    sum->live_bytes = add_changes(sum->live_bytes, row->live_bytes);
    sum->live_blocks = add_changes(sum->live_blocks, row->live_blocks);
    sum->allocations = add_changes(sum->allocations, row->allocations);
    sum->frees = add_changes(sum->frees, row->frees);
}

/* Sorts the rows by type, and forgets the sizes of types that have no namesakes. */
static void forget_sizes(struct lmm_delta_row *rows, size_t count)
{
    size_t end;

    qsort(rows, count, sizeof(*rows), compare_types);
    for (size_t i = 0; i < count; i = end) {
        bool has_namesakes = false;
        for (end = i; end < count && compare_types(&rows[i], &rows[end]) == 0; end++) {
            has_namesakes = has_namesakes || rows[end].is_namesake;
        }
        for (; !has_namesakes && i < end; i++) {
            rows[i].size_bytes = rows[i].align_bytes = 0;
        }
    }
}

/* Merges rows with the same names, and sorts the rows by growth. Returns how many remain. */
static size_t merge(struct lmm_delta_row *rows, size_t count)
{
    size_t kept = 0;

    forget_sizes(rows, count);
    qsort(rows, count, sizeof(*rows), compare_names);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_names(&rows[kept - 1], &rows[i]) == 0) {
            add_row(&rows[kept - 1], &rows[i]);
        } else {
            rows[kept++] = rows[i];
        }
    }
    qsort(rows, kept, sizeof(*rows), compare_growth);
    for (size_t i = 1; i < kept; i++) {
        assert(compare_growth(&rows[i - 1], &rows[i]) < 0); /* I1, and I2, as names come last */
    }
    return kept;
}

static struct lmm_delta_change on_side(uint64_t value, bool after)
{
    return after ? (struct lmm_delta_change) {0, value} : (struct lmm_delta_change) {value, 0};
}

static struct lmm_delta_row family_row(const struct lmm_model_family *family, bool after)
{
    return (struct lmm_delta_row) {
        .family = family->name,
        .type = family->type,
        .size_bytes = family->size_bytes,
        .align_bytes = family->align_bytes,
        .is_namesake = family->is_namesake,
        .file = lmm_string_of(""),
        .function = lmm_string_of(""),
        .in_before = !after,
        .in_after = after,
        .live_bytes = on_side(family->live_bytes, after),
        .live_blocks = on_side(family->live_blocks, after),
        .allocations = on_side(family->allocations, after),
        .frees = on_side(family->frees, after),
    };
}

static struct lmm_delta_row site_row(const struct lmm_model_site *site, bool after)
{
    return (struct lmm_delta_row) {
        .family = site->family->name,
        .type = site->family->type,
        .size_bytes = site->family->size_bytes,
        .align_bytes = site->family->align_bytes,
        .is_namesake = site->family->is_namesake,
        .file = site->file,
        .function = site->function,
        .line = site->line,
        .id = site->id,
        .stack_key = site->stack_key,
        .site = site,
        .in_before = !after,
        .in_after = after,
        .live_bytes = on_side(site->live_bytes, after),
        .live_blocks = on_side(site->live_blocks, after),
        .allocations = on_side(site->allocations, after),
        .frees = on_side(site->frees, after),
    };
}

/* Takes the stacks of a row that was made of several sites; they have its names. */
static void take_stacks(struct lmm_delta *delta, size_t *count, const struct lmm_model_site *site,
                        bool after)
{
    for (uint32_t i = 0; i < site->part_count; i++) {
        struct lmm_model_site stack = site->parts[i];

        if (stack.stack != 0) {
            stack.family = site->family;
            stack.file = site->file;
            stack.line = site->line;
            stack.function = site->function;
            delta->stacks[*count] = site_row(&stack, after);
            delta->stacks[*count].site = &site->parts[i];
            delta->stacks[(*count)++].stack = stack.stack;
        }
    }
}

static size_t count_parts(const struct lmm_model *model)
{
    size_t count = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        count += model->sites[i].part_count;
    }
    return count;
}

/* Gives each row of sites its stacks. Returns false when memory ran out. */
static bool add_stacks(struct lmm_delta *delta)
{
    size_t count = 0;

    delta->stacks =
        calloc(count_parts(delta->before) + count_parts(delta->after) + 1, sizeof(*delta->stacks));
    for (size_t i = 0; delta->stacks != NULL && i < delta->before->site_count; i++) {
        take_stacks(delta, &count, &delta->before->sites[i], false);
    }
    for (size_t i = 0; delta->stacks != NULL && i < delta->after->site_count; i++) {
        take_stacks(delta, &count, &delta->after->sites[i], true);
    }
    if (delta->stacks == NULL) {
        return false;
    }
    count = merge(delta->stacks, count);
    qsort(delta->stacks, count, sizeof(*delta->stacks), compare_stacks);
    for (size_t i = 0; i < delta->site_count; i++) {
        struct lmm_delta_row *site = &delta->sites[i];
        struct lmm_delta_row *found =
            bsearch(site, delta->stacks, count, sizeof(*site), compare_places);

        while (found != NULL && found > delta->stacks && compare_places(found - 1, site) == 0) {
            found--;
        }
        for (site->stacks = found;
             found != NULL && found < delta->stacks + count && compare_places(found, site) == 0;
             found++) {
            site->stack_count++;
        }
    }
    return true;
}

static void take_rows(struct lmm_delta *delta, const struct lmm_model *model, bool after,
                      char *const *patterns, bool with_sites)
{
    for (size_t i = 0; i < model->family_count; i++) {
        if (lmm_select_matches(patterns, model->families[i]->name)) {
            delta->families[delta->family_count++] = family_row(model->families[i], after);
        }
    }
    for (size_t i = 0; with_sites && i < model->site_count; i++) {
        if (lmm_select_matches(patterns, model->sites[i].family->name)) {
            delta->sites[delta->site_count++] = site_row(&model->sites[i], after);
        }
    }
}

/* ---- How the two models are related ---------------------------------------------------------- */

/* Returns the time of the figures, as far as the ledger knows; 0: now, or when the process was
 * killed. */
static uint64_t moment(const struct lmm_model *model)
{
    return model->end_time_ns != 0 ? model->end_time_ns : model->snapshot_time_ns;
}

static void relate(struct lmm_delta *delta)
{
    const struct lmm_model *before = delta->before;
    const struct lmm_model *after = delta->after;

    delta->same_program = lmm_compare_strings(before->program, after->program) == 0;
    delta->same_process = delta->same_program && before->pid == after->pid &&
                          before->start_time_ns == after->start_time_ns;
    if (delta->same_process) { /* its counters only grow */
        delta->backwards = after->total.allocations < before->total.allocations ||
                           after->total.frees < before->total.frees;
    } else { /* one may have ended before the other started */
        uint64_t bound = moment(before) != 0 ? moment(before) : before->start_time_ns;

        delta->backwards = moment(after) != 0 && moment(after) < bound;
    }
}

struct lmm_delta *lmm_delta_make(const struct lmm_model *before, const struct lmm_model *after,
                                 char *const *patterns, bool with_sites)
{
    struct lmm_delta *delta = calloc(1, sizeof(*delta));

    if (delta == NULL) {
        return NULL;
    }
    delta->before = before;
    delta->after = after;
    delta->families = calloc(before->family_count + after->family_count + 1, sizeof(*delta->sites));
    delta->sites = calloc(before->site_count + after->site_count + 1, sizeof(*delta->sites));
    if (delta->families == NULL || delta->sites == NULL) {
        lmm_delta_free(delta);
        return NULL;
    }
    relate(delta);
    take_rows(delta, before, false, patterns, with_sites);
    take_rows(delta, after, true, patterns, with_sites);
    delta->family_count = merge(delta->families, delta->family_count);
    delta->site_count = merge(delta->sites, delta->site_count);
    for (size_t i = 0; i < delta->family_count; i++) {
        add_row(&delta->total, &delta->families[i]);
    }
    if (with_sites && !add_stacks(delta)) {
        lmm_delta_free(delta);
        return NULL;
    }
    return delta;
}

const struct lmm_model *lmm_delta_model_of(const struct lmm_delta *delta,
                                           const struct lmm_delta_row *row)
{
    return row->in_after ? delta->after : delta->before;
}

void lmm_delta_free(struct lmm_delta *delta)
{
    if (delta != NULL) {
        free(delta->families);
        free(delta->sites);
        free(delta->stacks);
    }
    free(delta);
}
