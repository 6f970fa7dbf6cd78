/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/spots.h"

#include <assert.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/key_sort.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/places.h"
#include "reporter/program/report/select_first.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/suppressor.h"
#include "reporter/program/report/trace_losses.h"

/* ---- Orders ---------------------------------------------------------------------------------- */

static int compare_tallies(const struct lmm_tally *a, const struct lmm_tally *b,
                           enum lmm_measure measure)
{
    int order = lmm_compare_u64(lmm_tally_first(b, measure), lmm_tally_first(a, measure));

    return order != 0 ? order
                      : lmm_compare_u64(lmm_tally_second(b, measure), lmm_tally_second(a, measure));
}

static int compare_traces(const void *left, const void *right, void *measure)
{
    const struct lmm_trace *a = left;
    const struct lmm_trace *b = right;
    int order = compare_tallies(&a->tally, &b->tally, *(enum lmm_measure *) measure);

    return order != 0 ? order : lmm_compare_u64(a->site->stack, b->site->stack);
}

static int compare_spots(const void *left, const void *right, void *measure)
{
    const struct lmm_spot *a = left;
    const struct lmm_spot *b = right;
    int order = lmm_compare_u64(a->is_hidden, b->is_hidden);

    order =
        order != 0 ? order : compare_tallies(&a->tally, &b->tally, *(enum lmm_measure *) measure);

    return order != 0 ? order : lmm_compare_u64(a->rank, b->rank);
}

size_t lmm_spot_traces(const struct lmm_spot *spot, enum lmm_measure measure)
{
    size_t count = 0;

    for (size_t i = 0; i < spot->trace_count; i++) {
        count += lmm_tally_counts(&spot->traces[i].tally, measure);
    }
    return count;
}

static bool is_counted(const struct lmm_spot *spot, enum lmm_measure measure)
{
    return !spot->is_hidden && lmm_tally_counts(&spot->tally, measure);
}

const struct lmm_model_type *lmm_spot_type(const struct lmm_spot *spot, enum lmm_measure measure)
{
    const struct lmm_model_type *type = NULL;
    bool is_first = true;

    for (size_t i = 0; i < spot->trace_count; i++) {
        const struct lmm_trace *trace = &spot->traces[i];

        if (lmm_tally_counts(&trace->tally, measure)) {
            type = is_first ? trace->type : lmm_site_type_common(type, trace->type);
            is_first = false;
        }
    }
    return type;
}

size_t lmm_spots_count(const struct lmm_spots *spots, enum lmm_measure measure)
{
    size_t count = 0;

    for (size_t i = 0; i < spots->count; i++) {
        count += is_counted(&spots->items[i], measure);
    }
    return count;
}

size_t lmm_spots_rest(const struct lmm_spots *spots, enum lmm_measure measure, size_t first,
                      struct lmm_tally *ret_sum)
{
    size_t count = 0;

    *ret_sum = (struct lmm_tally) {.allocations = 0};
    for (size_t i = first; i < spots->count; i++) {
        if (is_counted(&spots->items[i], measure)) {
            lmm_tally_add(ret_sum, &spots->items[i].tally);
            count++;
        }
    }
    return count;
}

void lmm_spots_order(struct lmm_spots *spots, enum lmm_measure measure, size_t most)
{
    lmm_select_first(spots->items, spots->count, sizeof(struct lmm_spot), most, compare_spots,
                     &measure);
}

void lmm_spot_order(struct lmm_spot *spot, enum lmm_measure measure, size_t most)
{
    lmm_select_first(spot->traces, spot->trace_count, sizeof(struct lmm_trace), most,
                     compare_traces, &measure);
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* What is needed to make spots. */
struct making {
    const struct lmm_model *model;
    struct lmm_places places;
    struct lmm_trace *traces; /* one for each site, then one for each stack */
    size_t trace_count;
    struct lmm_tally rest; /* of sites that the model does not have */
    struct lmm_model_amount suppressed;
};

static struct lmm_tally tally_of(const struct lmm_model_site *site)
{
    return (struct lmm_tally) {
        .allocations = site->allocations,
        .allocated_bytes = site->allocated_bytes,
        .temporaries = site->temporaries,
        .peak_blocks = site->peak_blocks,
        .peak_bytes = site->peak_bytes,
        .leaked_blocks = site->live_blocks,
        .leaked_bytes = site->live_bytes,
    };
}

/* Makes a trace of each site, with the number of its place. */
static void make_traces(struct making *making)
{
    for (size_t i = 0; i < making->model->site_count; i++) {
        const struct lmm_model_site *site = &making->model->sites[i];

        making->traces[i] = (struct lmm_trace) {
            .site = site,
            .tally = tally_of(site),
            .place = making->places.of[i],
            .id = site->id,
            .losses = site->losses,
            .type = site->type,
        };
    }
    making->trace_count = making->model->site_count;
}

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint64_t lost_bytes(const struct lmm_model_losses *losses)
{
    return losses == NULL
               ? 0
               : lmm_add_saturated(losses->hanging.bytes, losses->of[LMM_MODEL_DEFINITE].bytes);
}

static void merge_trace(struct lmm_trace *sum, const struct lmm_trace *trace)
{
    lmm_tally_add(&sum->tally, &trace->tally);
    sum->id = lower(sum->id, trace->id);
    sum->type = lmm_site_type_common(sum->type, trace->type);
    if (sum->losses == NULL || lost_bytes(trace->losses) > lost_bytes(sum->losses)) {
        sum->losses = trace->losses;
    }
}

/* Makes the traces of one place and stack one trace; keys are less memory to move than traces. Returns false when memory ran out. */
static bool merge_traces(struct making *making)
{
    struct lmm_sort_key *keys = lmm_array_room(making->trace_count, sizeof(*keys));
    struct lmm_trace *merged = lmm_array_room(making->trace_count, sizeof(*merged));
    bool good = keys != NULL && merged != NULL;
    size_t kept = 0;

    for (size_t i = 0; good && i < making->trace_count; i++) {
        const struct lmm_trace *trace = &making->traces[i];

        keys[i] = (struct lmm_sort_key) {(uint64_t) trace->place << 32 | trace->site->stack, i};
    }
    good = good && lmm_key_sort(keys, making->trace_count);
    for (size_t i = 0; good && i < making->trace_count; i++) {
        const struct lmm_trace *trace = &making->traces[keys[i].index];

        if (i > 0 && keys[i].key == keys[i - 1].key) {
            merge_trace(&merged[kept - 1], trace);
        } else {
            merged[kept++] = *trace;
        }
    }
    free(keys);
    free(good ? making->traces : merged);
    making->traces = good ? merged : making->traces;
    making->trace_count = kept;
    return good;
}

/* Takes live blocks that are suppressed out of their tallies. */
static bool suppress(struct making *making, struct lmm_suppressor *suppressor)
{
    bool good = true;

    for (size_t i = 0; i < making->trace_count && good; i++) {
        struct lmm_tally *tally = &making->traces[i].tally;
        struct lmm_suppression *found = NULL;

        if (tally->leaked_blocks > 0) {
            good = lmm_suppressor_find(suppressor, making->traces[i].site, 0, &found);
        }
        if (found != NULL) {
            found->blocks += tally->leaked_blocks;
            found->bytes += tally->leaked_bytes;
            tally->leaked_blocks = 0;
            tally->leaked_bytes = 0;
        }
    }
    return good;
}

/* Adds the last leak check to the traces, and suppresses. suppressions: NULL: none. */
static bool add_losses(struct making *making, struct lmm_suppressions *suppressions)
{
    bool has_some = suppressions != NULL && suppressions->count > 0;
    struct lmm_suppressor *suppressor =
        has_some ? lmm_suppressor_new(making->model, suppressions) : NULL;
    bool good = (suppressor != NULL || !has_some) &&
                lmm_trace_losses_add(making->model, suppressor, making->traces, &making->rest,
                                     &making->suppressed) &&
                (suppressor == NULL || suppress(making, suppressor));

    lmm_suppressor_free(suppressor);
    return good;
}

static void gather(struct lmm_spots *spots, size_t trace_count)
{
    for (size_t i = 0; i < trace_count; i++) {
        struct lmm_trace *trace = &spots->traces[i];

        assert(spots->items != NULL);
        struct lmm_spot *spot = spots->count == 0 ? NULL : &spots->items[spots->count - 1];

        if (spot == NULL || spot->rank != trace->place) {
            spot = &spots->items[spots->count++];
            *spot = (struct lmm_spot) {
                .site = trace->site, .rank = trace->place, .id = trace->id, .traces = trace};
        }
        assert(spot->traces + spot->trace_count == trace); /* I1: each trace is in one spot */
        spot->id = lower(spot->id, trace->id);
        spot->trace_count++;
        lmm_tally_add(&spot->tally, &trace->tally);
        lmm_tally_add(&spots->total, &trace->tally);
    }
}

static bool make(struct making *making, struct lmm_suppressions *suppressions)
{
    making->traces = lmm_array_room(making->model->site_count, sizeof(*making->traces));
    if (making->traces == NULL || !lmm_places_make(making->model, LMM_BY_LINE, &making->places)) {
        return false;
    }
    make_traces(making);
    return add_losses(making, suppressions) && merge_traces(making);
}

bool lmm_spots_make(const struct lmm_model *model, struct lmm_suppressions *suppressions,
                    struct lmm_spots *ret_spots)
{
    struct making making = {.model = model};
    bool made = make(&making, suppressions);
    struct lmm_spots spots = {.model = model, .traces = making.traces};

    spots.items = made ? lmm_array_room(making.places.count, sizeof(*spots.items)) : NULL;
    lmm_places_free(&making.places);
    if (spots.items == NULL) {
        lmm_spots_free(&spots);
        return false;
    }
    gather(&spots, making.trace_count);
    lmm_tally_add(&spots.total, &making.rest);
    spots.rest = making.rest;
    spots.suppressed = making.suppressed;
    *ret_spots = spots;
    return true;
}

static bool has_type(const struct lmm_spot *spot, char *const *patterns)
{
    bool has = false;

    for (size_t i = 0; i < spot->trace_count && !has; i++) {
        const struct lmm_model_type *type = spot->traces[i].type;

        has = type != NULL && lmm_select_matches_type(patterns, type);
    }
    return has;
}

void lmm_spots_select(struct lmm_spots *spots, char *const *patterns)
{
    spots->types = patterns;
    for (size_t i = 0; i < spots->count; i++) {
        spots->items[i].is_hidden = patterns != NULL && !has_type(&spots->items[i], patterns);
    }
}

void lmm_spots_free(struct lmm_spots *spots)
{
    free(spots->items);
    free(spots->traces);
    *spots = (struct lmm_spots) {.model = NULL};
}
