/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_losses.h"

#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/core/saturate.h"
#include "reporter/program/report/places.h"
#include "reporter/program/report/report_options.h"
#include "reporter/program/report/spots.h"

static int compare_keys(const void *left, const void *right)
{
    const struct lmm_top_lost *a = left;
    const struct lmm_top_lost *b = right;

    return lmm_compare_u64(a->key, b->key);
}

/* Adds lost bytes to a list, which has room; several items of a key are one after order(). */
static void add(struct lmm_top_lost_list *list, uint64_t key, uint64_t bytes)
{
    if (bytes > 0) {
        list->items[list->count++] = (struct lmm_top_lost) {key, bytes};
    }
}

/* Orders a list, and joins the items of one place. */
static void order(struct lmm_top_lost_list *list)
{
    size_t kept = 0;

    qsort(list->items, list->count, sizeof(*list->items), compare_keys);
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && list->items[kept - 1].key == list->items[i].key) {
            list->items[kept - 1].bytes =
                lmm_add_saturated(list->items[kept - 1].bytes, list->items[i].bytes);
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static bool reserve(struct lmm_top_lost_list *list, size_t count)
{
    list->items = calloc(count + 1, sizeof(*list->items));
    return list->items != NULL;
}

static bool reserve_all(struct lmm_top_losses *losses, const struct lmm_spots *spots)
{
    size_t traces = 0;

    for (size_t i = 0; i < spots->count; i++) {
        traces += spots->items[i].trace_count;
    }
    return reserve(&losses->lines, spots->count) && reserve(&losses->stacks, traces) &&
           reserve(&losses->types, traces) && reserve(&losses->type_lines, traces);
}

static uint64_t key_of(const struct lmm_places *places, const struct lmm_model *model,
                       const struct lmm_model_site *site)
{
    return places->keys[places->of[site - model->sites]];
}

/* Adds a stack to the lists of stacks and types. */
static void add_trace(struct lmm_top_losses *losses, const struct lmm_model *model,
                      const struct lmm_top_places *places, const struct lmm_trace *trace)
{
    const struct lmm_tally *tally = &trace->tally;
    uint64_t own = lmm_add_saturated(tally->direct.bytes, tally->indirect.bytes);
    uint64_t type = key_of(places->types, model, trace->site);

    add(&losses->stacks, key_of(places->stacks, model, trace->site), tally->lost.bytes);
    add(&losses->types, type, own);
    add(&losses->type_lines, lmm_top_type_line_key(type, key_of(places->lines, model, trace->site)),
        own);
}

static bool list_places(struct lmm_top_losses *losses, const struct lmm_spots *spots,
                        const struct lmm_top_places *places)
{
    if (!reserve_all(losses, spots)) {
        return false;
    }
    for (size_t i = 0; i < spots->count; i++) {
        const struct lmm_spot *spot = &spots->items[i];

        add(&losses->lines, key_of(places->lines, spots->model, spot->site),
            spot->tally.lost.bytes);
        for (size_t k = 0; k < spot->trace_count; k++) {
            add_trace(losses, spots->model, places, &spot->traces[k]);
        }
    }
    order(&losses->lines);
    order(&losses->stacks);
    order(&losses->types);
    order(&losses->type_lines);
    return true;
}

static void add_up(struct lmm_top_losses *losses, const struct lmm_tally *total)
{
    losses->definite = total->direct;
    losses->indirect = (struct lmm_model_amount) {total->lost.blocks - total->direct.blocks,
                                                  total->lost.bytes - total->direct.bytes};
    losses->possible = total->possible;
}

static bool make(struct lmm_top_losses *losses, const struct lmm_model *model,
                 const struct lmm_top_places *places)
{
    struct lmm_loss_options options = {.no_built_in = false};
    struct lmm_spots spots = {.model = NULL};

    lmm_loss_options_add_own(&options, model);
    bool made = lmm_loss_options_complete(&options) &&
                lmm_spots_make(model, &options.suppressions, &spots) &&
                list_places(losses, &spots, places);

    if (made) {
        add_up(losses, &spots.total);
    }
    lmm_spots_free(&spots);
    lmm_suppressions_free(&options.suppressions);
    return made;
}

bool lmm_top_losses_make(struct lmm_top_losses *losses, const struct lmm_model *model,
                         const struct lmm_top_places *places)
{
    const struct lmm_model_check *check = &model->check;

    if (!check->is_there || check->failure != 0 || check->is_at_exit ||
        check->time_ns == losses->time_ns) {
        return true;
    }
    struct lmm_top_losses made = {.time_ns = 0};
    bool is_made = make(&made, model, places);

    lmm_top_losses_free(losses);
    if (!is_made) {
        lmm_top_losses_free(&made);
        return false;
    }
    *losses = made;
    losses->time_ns = check->time_ns;
    losses->mark = check->mark;
    return true;
}

void lmm_top_losses_free(struct lmm_top_losses *losses)
{
    free(losses->lines.items);
    free(losses->stacks.items);
    free(losses->types.items);
    free(losses->type_lines.items);
    *losses = (struct lmm_top_losses) {.time_ns = 0};
}

uint64_t lmm_top_type_line_key(uint64_t type, uint64_t line)
{
    return lmm_hash_u64(type, line);
}

uint64_t lmm_top_lost_of(const struct lmm_top_lost_list *list, uint64_t key)
{
    const struct lmm_top_lost wanted = {.key = key};
    const struct lmm_top_lost *found =
        list->count == 0 ? NULL
                         : bsearch(&wanted, list->items, list->count, sizeof(wanted), compare_keys);

    return found == NULL ? 0 : found->bytes;
}
