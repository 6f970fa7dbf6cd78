/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/suspects.h"

#include <stdint.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/stack.h"
#include "reporter/program/report/spots.h"

enum {
    SHARE = 10,        /* at least one stack in so many */
    STACKS_MIN = 16,   /* of the function */
    STACKS_MAX = 500,  /* looked at */
    CALLERS_MIN = 8,   /* fewer are no reason to look elsewhere */
    CALLERS_MAX = 200, /* counted */
};

struct callers {
    const struct lmm_model_site *site; /* the place that a stack is named by */
    struct lmm_string names[CALLERS_MAX];
    size_t count;
    bool is_inside; /* the next call is the caller */
};

static bool knows(const struct callers *callers, struct lmm_string name)
{
    for (size_t i = 0; i < callers->count; i++) {
        if (lmm_compare_strings(callers->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes the call after the one that names the stack. */
static bool take(void *context, const struct lmm_model_call *call)
{
    struct callers *callers = context;

    if (!callers->is_inside) {
        callers->is_inside = call->line == callers->site->line &&
                             lmm_compare_strings(call->function, callers->site->function) == 0;
        return true;
    }
    /* Addresses without names are no functions: many may be in one. */
    if (call->is_named && callers->count < CALLERS_MAX && !knows(callers, call->function)) {
        callers->names[callers->count++] = call->function;
    }
    return false;
}

static size_t count_callers(const struct lmm_model *model, const struct lmm_spot *spot)
{
    struct callers callers = {.site = spot->site};

    for (size_t i = 0; i < spot->trace_count && i < STACKS_MAX; i++) {
        callers.is_inside = false;
        lmm_stack_walk(model, spot->traces[i].site->stack, SIZE_MAX, take, &callers);
    }
    return callers.count;
}

/* Puts a suspect in its place, most stacks first, if there is one. Returns how many there are. */
static size_t insert(struct lmm_suspect *suspects, size_t count, const struct lmm_suspect *suspect)
{
    size_t at = count;

    while (at > 0 && suspects[at - 1].spot->trace_count < suspect->spot->trace_count) {
        at--;
    }
    count += count < LMM_SUSPECTS_MAX;
    for (size_t i = count; i-- > at + 1;) {
        suspects[i] = suspects[i - 1];
    }
    if (at < count) {
        suspects[at] = *suspect;
    }
    return count;
}

size_t lmm_suspects_find(const struct lmm_spots *spots,
                         struct lmm_suspect ret_suspects[LMM_SUSPECTS_MAX])
{
    size_t total = 0;
    size_t count = 0;

    for (size_t i = 0; i < spots->count; i++) {
        total += spots->items[i].trace_count;
    }
    for (size_t i = 0; i < spots->count; i++) {
        struct lmm_suspect suspect = {.spot = &spots->items[i]};
        size_t stacks = suspect.spot->trace_count;

        if (stacks < STACKS_MIN || stacks < total / SHARE || suspect.spot->site->stack == 0 ||
            suspect.spot->site->function.bytes == 0) {
            continue;
        }
        suspect.callers = count_callers(spots->model, suspect.spot);
        if (suspect.callers >= CALLERS_MIN) {
            count = insert(ret_suspects, count, &suspect);
        }
    }
    return count;
}
