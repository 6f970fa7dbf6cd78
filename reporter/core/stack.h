/* SPDX-License-Identifier: MIT */
/*
 * stack: the calls of a site's stack, for renderers: by the names that the model's namer has, or by
 * modules and places in them where there is none. Stateless; nothing here allocates, but a namer may.
 */
#ifndef LMM_REPORTER_STACK_H
#define LMM_REPORTER_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_call;
struct lmm_sink;

/* Takes a call, which is not kept beyond this; returns whether to go on. */
typedef bool (*lmm_stack_fn)(void *context, const struct lmm_model_call *call);

/*
 * Hands the calls of a stack to take(context, ...), the innermost first, at most `most` of them. stack: the
 * number of its innermost frame; 0: there are none. Returns whether all calls were taken.
 */
bool lmm_stack_walk(const struct lmm_model *model, uint32_t stack, size_t most, lmm_stack_fn take,
                    void *context);

/* Prints a call: "hire (hr.c:42) [inlined]"; without a line "hire (libhr.so)", or what is known. */
void lmm_stack_put_call(struct lmm_sink *sink, const struct lmm_model_call *call);

#endif
