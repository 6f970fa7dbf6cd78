/* SPDX-License-Identifier: MIT */
/* select: see select.h for the contract. */
#include "reporter/program/base/select.h"

#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"

typedef int compare(const void *, const void *);

struct lmm_select_key {
    const char *name;
    const char *words;         /* "Sites by ..." */
    compare *compare_families; /* compares pointers to families */
    compare *compare_sites;    /* compares sites */
};

/* ---- Orders ---------------------------------------------------------------------------------- */

static const struct lmm_model_family *family_at(const void *item)
{
    return *(const struct lmm_model_family *const *) item;
}

static int families_by_name(const void *left, const void *right)
{
    const struct lmm_model_family *a = family_at(left);
    const struct lmm_model_family *b = family_at(right);
    int order = lmm_compare_strings(a->name, b->name);

    return order != 0 ? order : lmm_compare_u64((uintptr_t) a, (uintptr_t) b);
}

static int sites_by_place(const void *left, const void *right)
{
    const struct lmm_model_site *a = left;
    const struct lmm_model_site *b = right;
    int order = lmm_compare_strings(a->file, b->file);

    order = order != 0 ? order : lmm_compare_u64(a->line, b->line);
    order = order != 0 ? order : lmm_compare_strings(a->family->name, b->family->name);
    return order != 0 ? order : lmm_compare_u64(a->id, b->id);
}

/* Defines an order of families and one of sites: by the figure, largest first, then by name. */
#define ORDER(name, family_figure, site_figure)                                                    \
    static int families_by_##name(const void *left, const void *right)                             \
    {                                                                                              \
        int order =                                                                                \
            lmm_compare_u64(family_at(right)->family_figure, family_at(left)->family_figure);      \
                                                                                                   \
        return order != 0 ? order : families_by_name(left, right);                                 \
    }                                                                                              \
    static int sites_by_##name(const void *left, const void *right)                                \
    {                                                                                              \
        const struct lmm_model_site *a = left;                                                     \
        const struct lmm_model_site *b = right;                                                    \
        int order = lmm_compare_u64(b->site_figure, a->site_figure);                               \
                                                                                                   \
        return order != 0 ? order : sites_by_place(left, right);                                   \
    }

ORDER(bytes, live_bytes, live_bytes)
ORDER(blocks, live_blocks, live_blocks)
ORDER(allocations, allocations, allocations)
ORDER(frees, frees, frees)
ORDER(size, size_bytes, family->size_bytes)
ORDER(peak, peak_bytes, live_bytes)
ORDER(committed, committed_bytes, live_bytes)

static const struct lmm_select_key keys[] = {
    {"bytes", "live bytes", families_by_bytes, sites_by_bytes},
    {"blocks", "live blocks", families_by_blocks, sites_by_blocks},
    {"allocations", "allocations", families_by_allocations, sites_by_allocations},
    {"frees", "frees", families_by_frees, sites_by_frees},
    {"size", "size", families_by_size, sites_by_size},
    {"peak", "live bytes", families_by_peak, sites_by_peak},
    {"committed", "live bytes", families_by_committed, sites_by_committed},
    {"name", "place", families_by_name, sites_by_place},
};

static const struct lmm_select_key *find_key(const char *name)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* ---- Options --------------------------------------------------------------------------------- */

static void add_pattern(struct argp_state *state, struct lmm_select *select, char *pattern)
{
    size_t count = 0;

    while (select->patterns != NULL && select->patterns[count] != NULL) {
        count++;
    }
    char **patterns = reallocarray(select->patterns, count + 2, sizeof(*patterns));

    if (patterns == NULL) {
        argp_failure(state, LMM_EXIT_FAILED, ENOMEM, "--family");
        return;
    }
    patterns[count] = pattern;
    patterns[count + 1] = NULL;
    select->patterns = patterns;
}

static error_t parse_family(int option, char *argument, struct argp_state *state)
{
    if (option != 'f') {
        return ARGP_ERR_UNKNOWN;
    }
    add_pattern(state, state->input, argument);
    return 0;
}

static error_t parse_order(int option, char *argument, struct argp_state *state)
{
    struct lmm_select *select = state->input;

    switch (option) {
    case ARGP_KEY_INIT: state->child_inputs[0] = select; return 0;
    case 's':
        select->key = find_key(argument);
        if (select->key == NULL) {
            argp_error(state, "unknown sort key '%s' (see --help)", argument);
        }
        return 0;
    case 't': select->top = lmm_parse_top(argument, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option family_options[] = {
    {"family", 'f', "PATTERN", 0,
     "Only families whose name matches the shell pattern; may be repeated", 0},
    {0},
};
static const struct argp_option order_options[] = {
    {"sort", 's', "KEY", 0,
     "Order families and sites by KEY: bytes (the default), blocks, allocations, frees, size, "
     "peak, committed or name",
     0},
    {"top", 't', "N", 0, "Show only the first N families and N sites", 0},
    {0},
};
static const struct argp_child order_children[] = {{&lmm_family_argp, 0, NULL, 0}, {0}};

const struct argp lmm_family_argp = {.options = family_options, .parser = parse_family};
const struct argp lmm_select_argp = {
    .options = order_options, .parser = parse_order, .children = order_children};

/* ---- Applying -------------------------------------------------------------------------------- */

/* Whether a name matches any pattern. A ledger's strings end with a NUL, which their length does
 * not count. */
static bool matches(const struct lmm_select *select, struct lmm_string name)
{
    for (char **pattern = select->patterns; *pattern != NULL; pattern++) {
        if (fnmatch(*pattern, name.text, 0) == 0) {
            return true;
        }
    }
    return false;
}

static void keep_matching(const struct lmm_select *select, struct lmm_model *model)
{
    size_t families = 0;
    size_t sites = 0;

    for (size_t i = 0; i < model->family_count; i++) {
        if (matches(select, model->families[i]->name)) {
            model->families[families++] = model->families[i];
        }
    }
    for (size_t i = 0; i < model->site_count; i++) {
        if (matches(select, model->sites[i].family->name)) {
            model->sites[sites++] = model->sites[i];
        }
    }
    model->family_count = families;
    model->site_count = sites;
    lmm_model_sum(model);
}

static void hide_after(struct lmm_model *model, size_t top)
{
    assert(top > 0);
    for (; model->family_count > top; model->family_count--) {
        model->hidden_families.count++;
        model->hidden_families.live_blocks += model->families[model->family_count - 1]->live_blocks;
    }
    for (; model->site_count > top; model->site_count--) {
        model->hidden_sites.count++;
        model->hidden_sites.live_blocks += model->sites[model->site_count - 1].live_blocks;
    }
}

void lmm_select_apply(const struct lmm_select *select, struct lmm_model *model)
{
    if (select->patterns != NULL) {
        keep_matching(select, model);
    }
    if (select->key != NULL) {
        qsort(model->families, model->family_count, sizeof(struct lmm_model_family *),
              select->key->compare_families);
        qsort(model->sites, model->site_count, sizeof(*model->sites), select->key->compare_sites);
        model->order = select->key->words;
    }
    if (select->top != 0) {
        hide_after(model, select->top);
    }
}

void lmm_select_free(struct lmm_select *select)
{
    free(select->patterns);
    *select = (struct lmm_select) {.patterns = NULL};
}
