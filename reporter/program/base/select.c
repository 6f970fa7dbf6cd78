/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/select.h"

#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/nearest.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"

struct lmm_select_key {
    const char *name;
    const char *words;    /* "Sites by ..." */
    size_t family_figure; /* these two: offsets of the figure, the largest first */
    size_t site_figure;
};

enum {
    KEY_TYPE = 0x300,
    NAME_BYTES = 1024, /* of a type's name that patterns are compared with */
};

enum {
    NO_FIGURE = INT_MAX,     /* by name or place alone */
    OF_FAMILY = INT_MAX - 1, /* the figure of the site's family */
};

#define FIGURES(family, site)                                                                      \
    offsetof(struct lmm_model_family, family), offsetof(struct lmm_model_site, site)

static const struct lmm_select_key keys[] = {
    {"bytes", "live bytes", FIGURES(live_bytes, live_bytes)},
    {"blocks", "live blocks", FIGURES(live_blocks, live_blocks)},
    {"allocations", "allocations", FIGURES(allocations, allocations)},
    {"frees", "frees", FIGURES(frees, frees)},
    {"size", "size", offsetof(struct lmm_model_family, size_bytes), OF_FAMILY},
    {"peak", "live bytes", FIGURES(peak_bytes, live_bytes)},
    {"committed", "live bytes", FIGURES(committed_bytes, live_bytes)},
    {"name", "place", NO_FIGURE, NO_FIGURE},
};

static uint64_t figure_at(const void *row, size_t offset)
{
    return offset == NO_FIGURE ? 0
                               : *(const uint64_t *) (const void *) ((const char *) row + offset);
}

static int compare_families(const void *left, const void *right, void *context)
{
    const struct lmm_select_key *by = context;
    const struct lmm_model_family *a = *(const struct lmm_model_family *const *) left;
    const struct lmm_model_family *b = *(const struct lmm_model_family *const *) right;
    int order = lmm_compare_u64(figure_at(b, by->family_figure), figure_at(a, by->family_figure));

    order = order != 0 ? order : lmm_compare_strings(a->name, b->name);
    return order != 0 ? order : lmm_compare_u64((uintptr_t) a, (uintptr_t) b);
}

static uint64_t site_figure(const struct lmm_model_site *site, const struct lmm_select_key *by)
{
    return by->site_figure == OF_FAMILY ? figure_at(site->family, by->family_figure)
                                        : figure_at(site, by->site_figure);
}

static int compare_sites(const void *left, const void *right, void *context)
{
    const struct lmm_model_site *a = left;
    const struct lmm_model_site *b = right;
    int order = lmm_compare_u64(site_figure(b, context), site_figure(a, context));

    order = order != 0 ? order : lmm_compare_strings(a->file, b->file);
    order = order != 0 ? order : lmm_compare_u64(a->line, b->line);
    order = order != 0 ? order : lmm_compare_strings(a->family->name, b->family->name);
    return order != 0 ? order : lmm_compare_u64(a->id, b->id);
}

const char *lmm_select_word(size_t index)
{
    return index < sizeof(keys) / sizeof(keys[0]) ? keys[index].name : NULL;
}

static const struct lmm_select_key *parse_key(const char *name, const struct argp_state *state)
{
    struct lmm_nearest nearest = {.word = name};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
        lmm_nearest_look_text(&nearest, keys[i].name);
    }
    argp_error(state, "unknown sort key '%s'%s", name, lmm_nearest_hint(&nearest, " (see --help)"));
    return NULL;
}

static void add_pattern(const struct argp_state *state, char ***list, char *pattern)
{
    size_t count = 0;

    while (*list != NULL && (*list)[count] != NULL) {
        count++;
    }
    char **patterns = reallocarray(*list, count + 2, sizeof(*patterns));

    if (patterns == NULL) {
        argp_failure(state, LMM_EXIT_FAILED, ENOMEM, "--family");
        return;
    }
    patterns[count] = pattern;
    patterns[count + 1] = NULL;
    *list = patterns;
}

static error_t parse_type(int option, char *argument, struct argp_state *state)
{
    struct lmm_select *select = state->input;

    if (option != KEY_TYPE) {
        return ARGP_ERR_UNKNOWN;
    }
    add_pattern(state, &select->types, argument);
    return 0;
}

static error_t parse_family(int option, char *argument, struct argp_state *state)
{
    struct lmm_select *select = state->input;

    switch (option) {
    case ARGP_KEY_INIT: state->child_inputs[0] = select; return 0;
    case 'f': add_pattern(state, &select->patterns, argument); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_order(int option, char *argument, struct argp_state *state)
{
    struct lmm_select *select = state->input;

    switch (option) {
    case ARGP_KEY_INIT: state->child_inputs[0] = select; return 0;
    case 's': select->key = parse_key(argument, state); return 0;
    case 't': select->top = lmm_parse_top(argument, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option type_options[] = {
    {"type", KEY_TYPE, "PATTERN", 0,
     "Only rows whose blocks have a type that matches the shell pattern; may be repeated", 0},
    {0},
};
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

static const struct argp_child family_children[] = {{&lmm_type_argp, 0, NULL, 0}, {0}};

const struct argp lmm_type_argp = {.options = type_options, .parser = parse_type};
const struct argp lmm_family_argp = {
    .options = family_options, .parser = parse_family, .children = family_children};
const struct argp lmm_select_argp = {
    .options = order_options, .parser = parse_order, .children = order_children};

bool lmm_select_matches(char *const *patterns, struct lmm_string name)
{
    bool matches = patterns == NULL;

    for (; !matches && *patterns != NULL; patterns++) {
        matches = fnmatch(*patterns, name.text, 0) == 0;
    }
    return matches;
}

/* Returns whether a string matches any of the patterns, which are not NULL. */
static bool matches_any(char *const *patterns, struct lmm_string string)
{
    char text[NAME_BYTES];
    bool matches = false;

    string.bytes = string.bytes < sizeof(text) ? string.bytes : sizeof(text) - 1;
    memcpy(text, string.text, string.bytes);
    text[string.bytes] = '\0';
    for (; !matches && *patterns != NULL; patterns++) {
        matches = fnmatch(*patterns, text, 0) == 0;
    }
    return matches;
}

/* Returns whether a type's name matches any of the patterns, whole or without what stands before it. */
static bool matches_name(char *const *patterns, struct lmm_string name)
{
    struct lmm_string bare = lmm_site_type_bare(name);

    return matches_any(patterns, name) || matches_any(patterns, bare) ||
           matches_any(patterns, lmm_site_type_last(bare));
}

bool lmm_select_matches_type(char *const *patterns, const struct lmm_model_type *type)
{
    return patterns == NULL ||
           (lmm_site_type_is_known(type) &&
            (matches_name(patterns, type->name) || matches_name(patterns, type->element)));
}

void lmm_select_filter_types(const struct lmm_select *select, struct lmm_model *model)
{
    size_t kept = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        struct lmm_model_type type;

        lmm_site_type(model, &model->sites[i], &type);
        if (lmm_select_matches_type(select->types, &type)) {
            model->sites[kept++] = model->sites[i];
        }
    }
    model->site_count = kept;
}

static void keep_matching(const struct lmm_select *select, struct lmm_model *model)
{
    size_t families = 0;
    size_t sites = 0;

    for (size_t i = 0; i < model->family_count; i++) {
        if (lmm_select_matches(select->patterns, model->families[i]->name)) {
            model->families[families++] = model->families[i];
        }
    }
    for (size_t i = 0; i < model->site_count; i++) {
        if (lmm_select_matches(select->patterns, model->sites[i].family->name)) {
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

void lmm_select_filter(const struct lmm_select *select, struct lmm_model *model)
{
    if (select->patterns != NULL) {
        keep_matching(select, model);
    }
    lmm_select_filter_types(select, model);
}

void lmm_select_order(const struct lmm_select *select, struct lmm_model *model)
{
    if (select->key != NULL) {
        struct lmm_select_key by = *select->key;

        qsort_r(model->families, model->family_count, sizeof(struct lmm_model_family *),
                compare_families, &by);
        qsort_r(model->sites, model->site_count, sizeof(*model->sites), compare_sites, &by);
        model->order = select->key->words;
    }
    if (select->top != 0) {
        hide_after(model, select->top);
    }
}

void lmm_select_free(struct lmm_select *select)
{
    free(select->patterns);
    free(select->types);
    *select = (struct lmm_select) {.patterns = NULL};
}
