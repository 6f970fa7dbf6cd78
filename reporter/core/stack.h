/* SPDX-License-Identifier: MIT */
/*
 * stack: the calls of a site's stack, for renderers: with the names that the model's namer finds,
 * or with modules and offsets where the model has no namer. Stateless; nothing here allocates, but
 * a namer may.
 */
#ifndef LMM_REPORTER_STACK_H
#define LMM_REPORTER_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"

struct lmm_sink;

enum { LMM_STACK_PLACE_BYTES = 288 };

/* Room for the call of a frame that has no name. */
struct lmm_stack_unnamed {
    struct lmm_model_call call;
    char place[LMM_STACK_PLACE_BYTES];
};

/* Sets *ret_calls to the calls of a frame, which is not 0, the innermost first, and returns their number, at least 1.
 * They are valid as long as the namer and `room`. None of them is marked as guessed. */
size_t lmm_stack_calls(const struct lmm_model *model, uint32_t frame,
                       struct lmm_stack_unnamed *room, const struct lmm_model_call **ret_calls);

/* Takes a call, which is valid until this returns. Returns whether to continue with the next
 * call. */
typedef bool (*lmm_stack_fn)(void *context, const struct lmm_model_call *call);

/* Calls take(context, ...) for the calls of a stack, the innermost first, at most `most` of them.
 * stack: the number of its innermost frame; 0: no calls. Returns whether all calls were taken. */
bool lmm_stack_walk(const struct lmm_model *model, uint32_t stack, size_t most, lmm_stack_fn take,
                    void *context);

/* Prints a call: "hire (hr.c:42) [inlined] [guessed]"; without a line "hire (libhr.so)" or
 * "libhr.so+0x1f0". */
void lmm_stack_put_call(struct lmm_sink *sink, const struct lmm_model_call *call);

#endif
