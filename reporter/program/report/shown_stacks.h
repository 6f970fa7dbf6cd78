/* SPDX-License-Identifier: MIT */
/*
 * shown_stacks: the call stacks that a report for people has printed. Each gets a number when it is
 * printed; the next time only the number is printed. Calls outside of main, or of a thread's start
 * function, are omitted, because they are always the same. A stack that the process kept only in
 * part ends with "...".
 */
#ifndef LMM_PROGRAM_SHOWN_STACKS_H
#define LMM_PROGRAM_SHOWN_STACKS_H

#include <stdint.h>

struct lmm_model;
struct lmm_shown_stacks;
struct lmm_sink;

/* Returns the empty list of a new report; NULL: out of memory. */
struct lmm_shown_stacks *lmm_shown_stacks_new(void);

/* Puts "stack 3" and its calls, a line each, innermost first; or "stack 3, as above". The caller
 * puts the start of the first line. stack: not 0. Out of memory becomes the sink's error. */
void lmm_shown_stacks_put(struct lmm_shown_stacks *stacks, const struct lmm_model *model,
                          uint32_t stack, struct lmm_sink *sink);

/* stacks may be NULL. */
void lmm_shown_stacks_free(struct lmm_shown_stacks *stacks);

#endif
