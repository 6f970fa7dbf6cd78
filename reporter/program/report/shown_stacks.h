/* SPDX-License-Identifier: MIT */
/*
 * shown_stacks: call stacks in a report for people. Each gets a number when it is printed, and where it
 * comes again only that is printed. What is outside of main, or of a thread's own start, is left
 * out: it is the same everywhere. A stack of which the process kept no more ends with "...".
 *
 * Locks: none.
 */
#ifndef LMM_PROGRAM_SHOWN_STACKS_H
#define LMM_PROGRAM_SHOWN_STACKS_H

#include <stdint.h>

struct lmm_model;
struct lmm_shown_stacks;
struct lmm_sink;

/* Returns the stacks of one report, none so far; NULL: out of memory. */
struct lmm_shown_stacks *lmm_shown_stacks_new(void);

/* Puts "stack 3:" and its calls, a line each, innermost first; or "stack 3, as above". What stands in the
 * line before is the caller's. stack: not 0. Out of memory is the sink's error. */
void lmm_shown_stacks_put(struct lmm_shown_stacks *stacks, const struct lmm_model *model,
                          uint32_t stack, struct lmm_sink *sink);

/* stacks may be NULL. */
void lmm_shown_stacks_free(struct lmm_shown_stacks *stacks);

#endif
