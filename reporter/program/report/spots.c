/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/spots.h"

#include <assert.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/report/suppress.h"
#include "reporter/core/stack.h"

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

static int compare_stacks(const struct lmm_model_site *a, const struct lmm_model_site *b)
{
    int order = compare_places(a, b);

    return order != 0 ? order : lmm_compare_u64(a->stack, b->stack);
}

static int compare_traces_by_place(const void *left, const void *right)
{
    const struct lmm_trace *a = left;
    const struct lmm_trace *b = right;

    return compare_stacks(a->site, b->site);
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

    return order != 0 ? order : compare_stacks(a->site, b->site);
}

static int compare_spots(const void *left, const void *right, void *measure)
{
    const struct lmm_spot *a = left;
    const struct lmm_spot *b = right;
    int order = compare_tallies(&a->tally, &b->tally, *(enum lmm_measure *) measure);

    return order != 0 ? order : compare_places(a->site, b->site);
}

size_t lmm_spot_traces(const struct lmm_spot *spot, enum lmm_measure measure)
{
    size_t count = 0;

    for (size_t i = 0; i < spot->trace_count; i++) {
        count += counts(&spot->traces[i].tally, measure);
    }
    return count;
}

size_t lmm_spots_order(struct lmm_spots *spots, enum lmm_measure measure)
{
    size_t count = 0;

    for (size_t i = 0; i < spots->count; i++) {
        struct lmm_spot *spot = &spots->items[i];

        qsort_r(spot->traces, spot->trace_count, sizeof(struct lmm_trace), compare_traces,
                &measure);
        count += counts(&spot->tally, measure);
    }
    if (spots->count > 0) {
        qsort_r(spots->items, spots->count, sizeof(struct lmm_spot), compare_spots, &measure);
    }
    return count;
}

/* ---- Suppressions ---------------------------------------------------------------------------- */

static struct lmm_suppression *find_for(struct lmm_suppressions *suppressions,
                                        struct lmm_string text)
{
    for (size_t i = 0; i < suppressions->count; i++) {
        if (lmm_suppression_fits(&suppressions->items[i], text)) {
            return &suppressions->items[i];
        }
    }
    return NULL;
}

/* Returns the one that comes first in the user's order; each may be NULL. */
static struct lmm_suppression *earlier(struct lmm_suppression *a, struct lmm_suppression *b)
{
    return a == NULL || (b != NULL && b < a) ? b : a;
}

struct search {
    struct lmm_suppressions *suppressions;
    struct lmm_suppression *found;
};

static bool look_at_call(void *context, const struct lmm_model_call *call)
{
    struct search *search = context;

    search->found = earlier(search->found, find_for(search->suppressions, call->function));
    search->found = earlier(search->found, find_for(search->suppressions, call->file));
    return true;
}

/*
 * Returns whether all calls of a stack are in the runtime's libraries and the outermost is in the
 * loader, which initialises libraries before the program starts. Not a stack that was cut: its
 * missing calls may be the program's. Not a stack that starts with a thread: the thread's start
 * function may be missing, because a compiler may make its last call a jump.
 */
static bool is_of_runtime(const struct lmm_model *model, uint32_t stack)
{
    const struct lmm_model_module *module = NULL;
    uint32_t depth = 0;

    for (uint32_t frame = stack; frame != 0; frame = lmm_model_caller(model, frame)) {
        module = lmm_model_module_of(model, frame);
        if (module == NULL || !lmm_suppression_is_runtime(module->path)) {
            return false;
        }
        depth++;
    }
    return module != NULL && lmm_suppression_is_loader(module->path) && depth < model->stack_frames;
}

static bool is_of_loader(const struct lmm_model *model, uint32_t stack)
{
    const struct lmm_model_module *module = stack == 0 ? NULL : lmm_model_module_of(model, stack);

    return module != NULL && lmm_suppression_is_loader(module->path);
}

static bool fits_scope(const struct lmm_model *model, uint32_t stack,
                       enum lmm_suppression_scope scope)
{
    switch (scope) {
    case LMM_SUPPRESS_LOADER: return is_of_loader(model, stack);
    case LMM_SUPPRESS_RUNTIME: return is_of_runtime(model, stack);
    case LMM_SUPPRESS_TEXTS:
    default: return false;
    }
}

static struct lmm_suppression *find_for_stack(const struct lmm_model *model,
                                              struct lmm_suppressions *suppressions, uint32_t stack)
{
    struct search search = {suppressions, NULL};

    for (size_t i = 0; i < suppressions->count && search.found == NULL; i++) {
        bool fits = fits_scope(model, stack, suppressions->items[i].scope);

        search.found = fits ? &suppressions->items[i] : NULL;
    }
    lmm_stack_walk(model, stack, SIZE_MAX, look_at_call, &search);
    for (uint32_t frame = stack; frame != 0; frame = lmm_model_caller(model, frame)) {
        const struct lmm_model_module *module = lmm_model_module_of(model, frame);

        if (module != NULL) {
            search.found = earlier(search.found, find_for(suppressions, module->path));
        }
    }
    return search.found;
}

static void suppress(const struct lmm_model *model, struct lmm_suppressions *suppressions,
                     struct lmm_trace *trace)
{
    struct lmm_suppression *suppression =
        trace->tally.leaked_blocks == 0 ? NULL
                                        : find_for_stack(model, suppressions, trace->site->stack);

    if (suppression != NULL) {
        suppression->blocks += trace->tally.leaked_blocks;
        suppression->bytes += trace->tally.leaked_bytes;
        assert(suppression >= suppressions->items &&
               suppression < suppressions->items + suppressions->count);
        trace->tally.leaked_blocks = 0;
        trace->tally.leaked_bytes = 0;
    }
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Merges neighbouring traces of one stack. Returns how many remain. */
static size_t merge_traces(struct lmm_trace *traces, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_stacks(traces[kept - 1].site, traces[i].site) == 0) {
            add(&traces[kept - 1].tally, &traces[i].tally);
        } else {
            traces[kept++] = traces[i];
        }
    }
    return kept;
}

static void gather(struct lmm_spots *spots, size_t trace_count)
{
    for (size_t i = 0; i < trace_count; i++) {
        struct lmm_trace *trace = &spots->traces[i];
        struct lmm_spot *spot = spots->count == 0 ? NULL : &spots->items[spots->count - 1];

        if (spot == NULL || compare_places(spot->site, trace->site) != 0) {
            spot = &spots->items[spots->count++];
            *spot = (struct lmm_spot) {.site = trace->site, .traces = trace};
        }
        assert(spot->traces + spot->trace_count == trace); /* I1: each trace is in one spot */
        spot->trace_count++;
        add(&spot->tally, &trace->tally);
        add(&spots->total, &trace->tally);
    }
}

bool lmm_spots_make(const struct lmm_model *model, struct lmm_suppressions *suppressions,
                    struct lmm_spots *ret_spots)
{
    size_t count = model->site_count;
    struct lmm_spots spots = {.model = model};

    spots.traces = calloc(count + 1, sizeof(*spots.traces));
    spots.items = calloc(count + 1, sizeof(*spots.items));
    if (spots.traces == NULL || spots.items == NULL) {
        lmm_spots_free(&spots);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        spots.traces[i] = (struct lmm_trace) {&model->sites[i], tally_of(&model->sites[i])};
    }
    qsort(spots.traces, count, sizeof(*spots.traces), compare_traces_by_place);
    count = merge_traces(spots.traces, count);
    for (size_t i = 0; i < count && suppressions != NULL && suppressions->count > 0; i++) {
        suppress(model, suppressions, &spots.traces[i]);
    }
    gather(&spots, count);
    *ret_spots = spots;
    return true;
}

void lmm_spots_free(struct lmm_spots *spots)
{
    free(spots->items);
    free(spots->traces);
    *spots = (struct lmm_spots) {.model = NULL};
}
