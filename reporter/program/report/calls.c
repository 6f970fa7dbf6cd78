/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/calls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/stack.h"
#include "reporter/program/base/array.h"
#include "reporter/program/symbols/wrapper.h"

enum {
    SEQUENCE_MAX = 8, /* calls of the longest sequence whose repetition is found */
};

/* ---- Listing --------------------------------------------------------------------------------- */

struct listing {
    struct lmm_calls *calls;
    bool is_full; /* memory ran out */
};

/* Adds a call. The text of one without a name is copied: it may not outlive the walk. */
static bool keep(struct lmm_calls *calls, const struct lmm_model_call *call)
{
    struct lmm_model_call *kept = lmm_array_add(&calls->calls, &calls->count, sizeof(*kept));

    if (kept == NULL) {
        return false;
    }
    *kept = *call;
    if (!call->is_named) {
        char **text = lmm_array_add(&calls->texts, &calls->text_count, sizeof(*text));

        if (text == NULL) {
            return false;
        }
        *text = strndup(call->function.text, call->function.bytes);
        kept->function.text = *text;
    }
    return kept->function.text != NULL;
}

/* Returns whether the outer calls belong to the program. */
static bool take(void *context, const struct lmm_model_call *call)
{
    struct listing *listing = context;
    struct lmm_calls *calls = listing->calls;

    /* The C library's start of a program or a thread; its names end with a NUL. */
    if (calls->count > 0 && call->is_wrapper && call->is_named &&
        lmm_wrapper_is_start(call->function.text)) {
        return false;
    }
    listing->is_full = !keep(calls, call);
    return !listing->is_full && lmm_compare_strings(call->function, lmm_string_of("main")) != 0;
}

/* Returns whether the stack is as deep as the process keeps, so that outer calls may be missing. */
static bool is_deep(const struct lmm_model *model, uint32_t stack)
{
    uint32_t depth = 0;

    for (uint32_t frame = stack; frame != 0; frame = lmm_model_caller(model, frame)) {
        depth++;
    }
    return depth >= model->stack_frames;
}

/* ---- Folding --------------------------------------------------------------------------------- */

static bool is_same(const struct lmm_model_call *a, const struct lmm_model_call *b)
{
    return a->line == b->line && a->is_inline == b->is_inline && a->is_guessed == b->is_guessed &&
           lmm_compare_strings(a->function, b->function) == 0 &&
           lmm_compare_strings(a->file, b->file) == 0;
}

/* Returns how many times the `count` calls from `first` on stand there, one after the other. */
static size_t times_of(const struct lmm_calls *calls, size_t first, size_t count)
{
    size_t same = 0; /* calls that are the same as the one `count` before them */

    while (first + count + same < calls->count &&
           is_same(&calls->calls[first + same], &calls->calls[first + count + same])) {
        same++;
    }
    return 1 + same / count;
}

/* Returns the group that starts at a call: the shortest sequence that repeats, or the call. */
static struct lmm_call_group group_at(const struct lmm_calls *calls, size_t first)
{
    for (size_t count = 1; count <= SEQUENCE_MAX && first + 2 * count <= calls->count; count++) {
        size_t times = times_of(calls, first, count);

        if (times > 1) {
            return (struct lmm_call_group) {first, count, times};
        }
    }
    return (struct lmm_call_group) {first, 1, 1};
}

static bool fold(struct lmm_calls *calls)
{
    for (size_t at = 0; at < calls->count;) {
        struct lmm_call_group *group =
            lmm_array_add(&calls->groups, &calls->group_count, sizeof(*group));

        if (group == NULL) {
            return false;
        }
        *group = group_at(calls, at);
        at += group->count * group->times;
        assert(at <= calls->count);
    }
    return true;
}

bool lmm_calls_list(const struct lmm_model *model, uint32_t stack, struct lmm_calls *ret_calls)
{
    struct lmm_calls calls = {.count = 0};
    struct listing listing = {&calls, false};
    bool is_whole = lmm_stack_walk(model, stack, SIZE_MAX, take, &listing);

    if (listing.is_full || !fold(&calls)) {
        lmm_calls_free(&calls);
        return false;
    }
    calls.is_cut = is_whole && is_deep(model, stack);
    *ret_calls = calls;
    return true;
}

void lmm_calls_free(struct lmm_calls *calls)
{
    for (size_t i = 0; i < calls->text_count; i++) {
        free(calls->texts[i]);
    }
    free(calls->texts);
    free(calls->calls);
    free(calls->groups);
    *calls = (struct lmm_calls) {.count = 0};
}
