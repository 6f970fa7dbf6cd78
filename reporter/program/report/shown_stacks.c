/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/shown_stacks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/base/array.h"
#include "reporter/program/symbols/wrapper.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"

struct lmm_shown_stacks {
    uint32_t *printed; /* number n is at n - 1 */
    size_t count;
};

struct lmm_shown_stacks *lmm_shown_stacks_new(void)
{
    return calloc(1, sizeof(struct lmm_shown_stacks));
}

/* Returns the number of a stack, 0: none. A report has only dozens, so a linear search will do. */
static size_t number_of(const struct lmm_shown_stacks *stacks, uint32_t stack)
{
    for (size_t i = 0; i < stacks->count; i++) {
        if (stacks->printed[i] == stack) {
            return i + 1;
        }
    }
    return 0;
}

struct lines {
    struct lmm_sink *sink;
    size_t depth;
};

/* Puts "#3 hire (hr.c:42) [inlined]". Returns whether the outer calls belong to the program. */
static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct lines *lines = context;

    /* The C library's start of a program or a thread; its names end with a NUL. */
    if (lines->depth > 0 && call->is_wrapper && call->is_named &&
        lmm_wrapper_is_start(call->function.text)) {
        return false;
    }
    lmm_sink_printf(lines->sink, "        #%zu ", lines->depth++);
    lmm_stack_put_call(lines->sink, call);
    lmm_sink_puts(lines->sink, "\n");
    return lmm_compare_strings(call->function, lmm_string_of("main")) != 0;
}

/* Returns whether the stack is as deep as the process keeps, so that outer calls may be missing. */
static bool is_cut(const struct lmm_model *model, uint32_t stack)
{
    uint32_t depth = 0;

    for (uint32_t frame = stack; frame != 0; frame = lmm_model_caller(model, frame)) {
        depth++;
    }
    return depth >= model->stack_frames;
}

void lmm_shown_stacks_put(struct lmm_shown_stacks *stacks, const struct lmm_model *model,
                          uint32_t stack, struct lmm_sink *sink)
{
    size_t number = number_of(stacks, stack);

    assert(stack != 0);
    if (number != 0) {
        lmm_sink_printf(sink, "stack %zu, as above\n", number);
        return;
    }
    uint32_t *printed = lmm_array_add(&stacks->printed, &stacks->count, sizeof(*printed));

    if (printed == NULL) {
        sink->error = sink->error != 0 ? sink->error : -ENOMEM;
        return;
    }
    *printed = stack;
    lmm_sink_printf(sink, "stack %zu\n", stacks->count);
    struct lines lines = {sink, 0};

    if (lmm_stack_walk(model, stack, SIZE_MAX, put_call, &lines) && is_cut(model, stack)) {
        lmm_sink_puts(sink, "        ...\n");
    }
}

void lmm_shown_stacks_free(struct lmm_shown_stacks *stacks)
{
    if (stacks != NULL) {
        free(stacks->printed);
        free(stacks);
    }
}
