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

struct lmm_model;
struct lmm_model_call;
struct lmm_sink;

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
