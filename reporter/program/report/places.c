/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/places.h"

#include <assert.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/report/numbers.h"

/* Places are numbered from 1 on, at first in the order of the sites, then by name. */
struct making {
    const struct lmm_model *model;
    enum lmm_by by;
    struct lmm_numbers numbers;           /* of places, by what their names say */
    struct lmm_numbers numbers_by_texts;  /* by where their names are stored */
    const struct lmm_model_site **places; /* one of the sites of each; number n is at n - 1 */
    uint64_t *keys;                       /* likewise */
    size_t count;
};

struct lmm_string lmm_places_module(const struct lmm_model *model,
                                    const struct lmm_model_site *site)
{
    return site->stack != 0 ? site->module : model->program;
}

/* ---- Names ----------------------------------------------------------------------------------- */

static int compare_lines(const struct lmm_model_site *a, const struct lmm_model_site *b,
                         bool with_line)
{
    int order = lmm_compare_strings(a->file, b->file);

    order = order != 0 || !with_line ? order : lmm_compare_u64(a->line, b->line);
    order = order != 0 ? order : lmm_compare_strings(a->function, b->function);
    order = order != 0 ? order : lmm_compare_u64(a->stack != 0, b->stack != 0);
    if (order == 0 && a->stack == 0) {
        order = lmm_compare_strings(a->family->name, b->family->name);
    }
    return order;
}

static int compare_types(const struct making *making, const struct lmm_model_site *a,
                         const struct lmm_model_site *b)
{
    struct lmm_model_type type_a;
    struct lmm_model_type type_b;

    lmm_site_type(making->model, a, &type_a);
    lmm_site_type(making->model, b, &type_b);
    return lmm_site_type_compare(&type_a, &type_b);
}

static int compare_places(const struct making *making, const struct lmm_model_site *a,
                          const struct lmm_model_site *b)
{
    int order = 0;

    switch (making->by) {
    case LMM_BY_LINE: return compare_lines(a, b, true);
    case LMM_BY_FUNCTION: return compare_lines(a, b, false);
    case LMM_BY_STACK:
        order = compare_lines(a, b, true);
        return order != 0 ? order : lmm_compare_u64(a->stack, b->stack);
    case LMM_BY_MODULE:
        return lmm_compare_strings(lmm_places_module(making->model, a),
                                   lmm_places_module(making->model, b));
    case LMM_BY_FAMILY: return lmm_compare_strings(a->family->name, b->family->name);
    case LMM_BY_TYPE: return compare_types(making, a, b);
    default: return lmm_compare_u64(a->id, b->id);
    }
}

static uint64_t key_of_line(const struct lmm_model_site *site, bool with_line)
{
    uint64_t key = lmm_hash_u64(site->stack != 0, with_line ? site->line : 0);

    key = lmm_hash_string(lmm_hash_string(key, site->file), site->function);
    return site->stack != 0 ? key : lmm_hash_string(key, site->family->name);
}

static uint64_t key_of_type(const struct making *making, const struct lmm_model_site *site)
{
    struct lmm_model_type type;

    lmm_site_type(making->model, site, &type);
    switch (lmm_site_type_gap(&type)) {
    case LMM_MODEL_TYPE_FOUND: return lmm_hash_string(1, type.name);
    case LMM_MODEL_TYPE_UNKNOWN: return lmm_hash_u64(2, 0);
    default: return lmm_hash_string(2 + (uint64_t) type.gap, type.lacking);
    }
}

static uint64_t key_of(const struct making *making, const struct lmm_model_site *site)
{
    switch (making->by) {
    case LMM_BY_LINE: return key_of_line(site, true);
    case LMM_BY_FUNCTION: return key_of_line(site, false);
    case LMM_BY_STACK: return lmm_hash_u64(key_of_line(site, true), site->stack_key);
    case LMM_BY_MODULE: return lmm_hash_string(1, lmm_places_module(making->model, site));
    case LMM_BY_FAMILY: return lmm_hash_string(1, site->family->name);
    case LMM_BY_TYPE: return key_of_type(making, site);
    default: return lmm_hash_u64(1, site->id);
    }
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* Returns the number of a site's place by what its names say; 0: out of memory. */
static uint32_t number_by_names(struct making *making, const struct lmm_model_site *site)
{
    uint64_t key = key_of(making, site);
    uint32_t *number = lmm_numbers_at(&making->numbers, key);

    while (number != NULL && *number != 0 &&
           compare_places(making, making->places[*number - 1], site) != 0) {
        key = lmm_hash_u64(key, 0); /* another place with this key */
        number = lmm_numbers_at(&making->numbers, key);
    }
    if (number == NULL) {
        return 0;
    }
    if (*number == 0) {
        making->keys[making->count] = key;
        making->places[making->count++] = site;
        *number = (uint32_t) making->count;
    }
    return *number;
}

/* Returns a key of a place by where its names are: each name is stored once, mostly. */
static uint64_t key_of_texts(const struct lmm_model_site *site)
{
    uint64_t key = lmm_hash_u64(site->line, (uintptr_t) site->file.text);

    key = lmm_hash_u64(key, (uintptr_t) site->function.text);
    return lmm_hash_u64(key, site->stack != 0 ? 0 : (uintptr_t) site->family);
}

/* Returns the number of a site's place; 0: out of memory. Names are long in C++, and most sites are of a place that came
 * before. */
static uint32_t number_of(struct making *making, const struct lmm_model_site *site)
{
    uint32_t *known = making->by == LMM_BY_LINE
                          ? lmm_numbers_at(&making->numbers_by_texts, key_of_texts(site))
                          : NULL;

    if (known == NULL) {
        return number_by_names(making, site);
    }
    if (*known == 0) {
        *known = number_by_names(making, site);
        return *known;
    }
    return compare_places(making, making->places[*known - 1], site) == 0
               ? *known
               : number_by_names(making, site);
}

static int compare_numbered(const void *left, const void *right, void *context)
{
    const struct making *making = context;
    uint32_t a = *(const uint32_t *) left;
    uint32_t b = *(const uint32_t *) right;

    return compare_places(making, making->places[a - 1], making->places[b - 1]);
}

/* Numbers the places anew, in the order of their names: each is compared here for the last time. */
static bool rank(struct making *making, struct lmm_places *places)
{
    uint32_t *order = calloc(making->count + 1, sizeof(*order));
    uint32_t *ranks = calloc(making->count + 1, sizeof(*ranks));
    bool good = order != NULL && ranks != NULL;

    for (uint32_t i = 0; good && i < making->count; i++) {
        order[i] = i + 1;
    }
    if (good) {
        qsort_r(order, making->count, sizeof(*order), compare_numbered, making);
    }
    for (uint32_t i = 0; good && i < making->count; i++) {
        ranks[order[i]] = i + 1;
        places->keys[i + 1] = making->keys[order[i] - 1];
    }
    for (size_t i = 0; good && i < making->model->site_count; i++) {
        places->of[i] = ranks[places->of[i]];
    }
    free(order);
    free(ranks);
    return good;
}

static bool number_all(struct making *making, struct lmm_places *places)
{
    for (size_t i = 0; i < making->model->site_count; i++) {
        places->of[i] = number_of(making, &making->model->sites[i]);
        if (places->of[i] == 0) {
            return false;
        }
    }
    places->keys = calloc(making->count + 1, sizeof(*places->keys));
    places->count = making->count;
    return places->keys != NULL && rank(making, places);
}

bool lmm_places_make(const struct lmm_model *model, enum lmm_by by, struct lmm_places *ret_places)
{
    size_t room = model->site_count + 1;
    struct making making = {.model = model, .by = by};
    struct lmm_places places = {.of = calloc(room, sizeof(*places.of))};

    assert(by < LMM_BY_COUNT);
    making.places = calloc(room, sizeof(const struct lmm_model_site *));
    making.keys = calloc(room, sizeof(*making.keys));
    bool made = places.of != NULL && making.places != NULL && making.keys != NULL &&
                number_all(&making, &places);

    free((void *) making.places);
    free(making.keys);
    lmm_numbers_free(&making.numbers);
    lmm_numbers_free(&making.numbers_by_texts);
    if (made) {
        *ret_places = places;
    } else {
        lmm_places_free(&places);
    }
    return made;
}

void lmm_places_free(struct lmm_places *places)
{
    free(places->of);
    free(places->keys);
    *places = (struct lmm_places) {.of = NULL};
}
