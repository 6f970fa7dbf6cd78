/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/spots.h"

#include <assert.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/program/report/numbers.h"
#include "reporter/program/report/select_first.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/suppressor.h"

/* ---- Tallies --------------------------------------------------------------------------------- */

static void add(struct lmm_tally *sum, const struct lmm_tally *tally)
{
    sum->allocations += tally->allocations;
    sum->allocated_bytes += tally->allocated_bytes;
    sum->temporaries += tally->temporaries;
    sum->peak_blocks += tally->peak_blocks;
    sum->peak_bytes += tally->peak_bytes;
    sum->leaked_blocks += tally->leaked_blocks;
    sum->leaked_bytes += tally->leaked_bytes;
}

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

#define FIGURES(first, second) offsetof(struct lmm_tally, first), offsetof(struct lmm_tally, second)

static uint64_t figure(const struct lmm_tally *tally, enum lmm_measure measure, size_t which)
{
    static const size_t offsets[][2] = {
        [LMM_MEASURE_PEAK] = {FIGURES(peak_bytes, peak_blocks)},
        [LMM_MEASURE_ALLOCATIONS] = {FIGURES(allocations, allocated_bytes)},
        [LMM_MEASURE_LEAKS] = {FIGURES(leaked_bytes, leaked_blocks)},
        [LMM_MEASURE_TEMPORARIES] = {FIGURES(temporaries, allocations)},
    };

    return *(const uint64_t *) (const void *) ((const char *) tally + offsets[measure][which]);
}

uint64_t lmm_tally_first(const struct lmm_tally *tally, enum lmm_measure measure)
{
    return figure(tally, measure, 0);
}

uint64_t lmm_tally_second(const struct lmm_tally *tally, enum lmm_measure measure)
{
    return figure(tally, measure, 1);
}

/* Returns whether a figure of the measure is above 0: a block of 0 bytes is a leak, too. */
static bool counts(const struct lmm_tally *tally, enum lmm_measure measure)
{
    bool by_second = measure == LMM_MEASURE_PEAK || measure == LMM_MEASURE_LEAKS;

    return lmm_tally_first(tally, measure) > 0 ||
           (by_second && lmm_tally_second(tally, measure) > 0);
}

/* ---- Orders ---------------------------------------------------------------------------------- */

static int compare_places(const struct lmm_model_site *a, const struct lmm_model_site *b)
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
    int order = compare_tallies(&a->tally, &b->tally, *(enum lmm_measure *) measure);

    return order != 0 ? order : lmm_compare_u64(a->rank, b->rank);
}

size_t lmm_spot_traces(const struct lmm_spot *spot, enum lmm_measure measure)
{
    size_t count = 0;

    for (size_t i = 0; i < spot->trace_count; i++) {
        count += counts(&spot->traces[i].tally, measure);
    }
    return count;
}

size_t lmm_spots_count(const struct lmm_spots *spots, enum lmm_measure measure)
{
    size_t count = 0;

    for (size_t i = 0; i < spots->count; i++) {
        count += counts(&spots->items[i].tally, measure);
    }
    return count;
}

size_t lmm_spots_rest(const struct lmm_spots *spots, enum lmm_measure measure, size_t first,
                      struct lmm_tally *ret_sum)
{
    size_t count = 0;

    *ret_sum = (struct lmm_tally) {.allocations = 0};
    for (size_t i = first; i < spots->count; i++) {
        if (counts(&spots->items[i].tally, measure)) {
            add(ret_sum, &spots->items[i].tally);
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

/* What is needed to make spots. Places are numbered from 1 on, at first in the order of the sites,
 * then by place. */
struct making {
    const struct lmm_model *model;
    struct lmm_numbers numbers;           /* of places */
    const struct lmm_model_site **places; /* one of the sites of each; number n is at n - 1 */
    size_t place_count;
    uint32_t *ranks;          /* by number at first: the number by place */
    struct lmm_trace *traces; /* one for each site, then one for each stack */
    size_t trace_count;
};

static uint64_t key_of(const struct lmm_model_site *site)
{
    uint64_t key = lmm_hash_string(lmm_hash_u64(site->stack != 0, site->line), site->file);

    key = lmm_hash_string(key, site->function);
    return site->stack != 0 ? key : lmm_hash_string(key, site->family->name);
}

/* Returns the number of a site's place; 0: out of memory. */
static uint32_t number_of(struct making *making, const struct lmm_model_site *site)
{
    uint64_t key = key_of(site);
    uint32_t *number = lmm_numbers_at(&making->numbers, key);

    while (number != NULL && *number != 0 &&
           compare_places(making->places[*number - 1], site) != 0) {
        key = lmm_hash_u64(key, 0); /* another place with this key */
        number = lmm_numbers_at(&making->numbers, key);
    }
    if (number == NULL) {
        return 0;
    }
    if (*number == 0) {
        making->places[making->place_count++] = site;
        *number = (uint32_t) making->place_count;
    }
    return *number;
}

/* Makes a trace of each site, with the number of its place. */
static bool make_traces(struct making *making)
{
    for (size_t i = 0; i < making->model->site_count; i++) {
        const struct lmm_model_site *site = &making->model->sites[i];
        uint32_t number = number_of(making, site);

        if (number == 0) {
            return false;
        }
        making->traces[i] = (struct lmm_trace) {site, tally_of(site), number};
    }
    making->trace_count = making->model->site_count;
    return true;
}

static int compare_numbered(const void *left, const void *right, void *context)
{
    const struct making *making = context;
    uint32_t a = *(const uint32_t *) left;
    uint32_t b = *(const uint32_t *) right;

    return compare_places(making->places[a - 1], making->places[b - 1]);
}

/* Numbers the places anew, in the order of places: each name is compared here for the last time. */
static bool rank_places(struct making *making)
{
    uint32_t *order = calloc(making->place_count + 1, sizeof(*order));

    making->ranks = calloc(making->place_count + 1, sizeof(*making->ranks));
    if (order == NULL || making->ranks == NULL) {
        free(order);
        return false;
    }
    for (uint32_t i = 0; i < making->place_count; i++) {
        order[i] = i + 1;
    }
    qsort_r(order, making->place_count, sizeof(*order), compare_numbered, making);
    for (uint32_t i = 0; i < making->place_count; i++) {
        making->ranks[order[i]] = i + 1;
    }
    for (size_t i = 0; i < making->trace_count; i++) {
        making->traces[i].place = making->ranks[making->traces[i].place];
    }
    free(order);
    return true;
}

static int compare_traces_by_place(const void *left, const void *right)
{
    const struct lmm_trace *a = left;
    const struct lmm_trace *b = right;
    int order = lmm_compare_u64(a->place, b->place);

    return order != 0 ? order : lmm_compare_u64(a->site->stack, b->site->stack);
}

/* Makes the traces of one place and stack one trace. */
static void merge_traces(struct making *making)
{
    struct lmm_trace *traces = making->traces;
    size_t kept = 0;

    qsort(traces, making->trace_count, sizeof(*traces), compare_traces_by_place);
    for (size_t i = 0; i < making->trace_count; i++) {
        if (kept > 0 && compare_traces_by_place(&traces[kept - 1], &traces[i]) == 0) {
            add(&traces[kept - 1].tally, &traces[i].tally);
        } else {
            traces[kept++] = traces[i];
        }
    }
    making->trace_count = kept;
}

/* Takes the leaks of suppressed stacks out of their tallies. */
static bool suppress(struct making *making, struct lmm_suppressions *suppressions)
{
    struct lmm_suppressor *suppressor = lmm_suppressor_new(making->model, suppressions);
    bool good = suppressor != NULL;

    for (size_t i = 0; i < making->trace_count && good; i++) {
        struct lmm_tally *tally = &making->traces[i].tally;
        struct lmm_suppression *found = NULL;

        if (tally->leaked_blocks > 0) {
            good = lmm_suppressor_find(suppressor, making->traces[i].site->stack, &found);
        }
        if (found != NULL) {
            found->blocks += tally->leaked_blocks;
            found->bytes += tally->leaked_bytes;
            tally->leaked_blocks = 0;
            tally->leaked_bytes = 0;
        }
    }
    lmm_suppressor_free(suppressor);
    return good;
}

static void gather(struct lmm_spots *spots, size_t trace_count)
{
    for (size_t i = 0; i < trace_count; i++) {
        struct lmm_trace *trace = &spots->traces[i];
        struct lmm_spot *spot = spots->count == 0 ? NULL : &spots->items[spots->count - 1];

        if (spot == NULL || spot->rank != trace->place) {
            spot = &spots->items[spots->count++];
            *spot = (struct lmm_spot) {.site = trace->site, .rank = trace->place, .traces = trace};
        }
        assert(spot->traces + spot->trace_count == trace); /* I1: each trace is in one spot */
        spot->trace_count++;
        add(&spot->tally, &trace->tally);
        add(&spots->total, &trace->tally);
    }
}

static bool make(struct making *making, struct lmm_suppressions *suppressions)
{
    size_t count = making->model->site_count;

    making->traces = calloc(count + 1, sizeof(*making->traces));
    making->places = calloc(count + 1, sizeof(const struct lmm_model_site *));
    if (making->traces == NULL || making->places == NULL || !make_traces(making) ||
        !rank_places(making)) {
        return false;
    }
    merge_traces(making);
    return suppressions == NULL || suppressions->count == 0 || suppress(making, suppressions);
}

bool lmm_spots_make(const struct lmm_model *model, struct lmm_suppressions *suppressions,
                    struct lmm_spots *ret_spots)
{
    struct making making = {.model = model};
    bool made = make(&making, suppressions);
    struct lmm_spots spots = {.model = model, .traces = making.traces};

    spots.items = made ? calloc(making.place_count + 1, sizeof(*spots.items)) : NULL;
    free((void *) making.places);
    free(making.ranks);
    lmm_numbers_free(&making.numbers);
    if (spots.items == NULL) {
        lmm_spots_free(&spots);
        return false;
    }
    gather(&spots, making.trace_count);
    *ret_spots = spots;
    return true;
}

void lmm_spots_free(struct lmm_spots *spots)
{
    free(spots->items);
    free(spots->traces);
    *spots = (struct lmm_spots) {.model = NULL};
}
