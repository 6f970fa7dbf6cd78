/* SPDX-License-Identifier: MIT */
/*
 * shown_stacks: the call stacks that a report for people has printed. Each gets a number when it is
 * printed; after that a row refers to it by this number. Calls that repeat, alone or as a sequence,
 * are printed once, with "x 24"; the calls' numbers count all of them. Calls outside of main, or of
 * a thread's start function, are omitted, because they are always the same. A stack that the
 * process kept only in part ends with "...".
 *
 * Several calls share a line; with whole names each call has its own. Where lines are limited, the
 * innermost calls that allocate for their callers (operator new) are omitted, too.
 */
#ifndef LMM_PROGRAM_SHOWN_STACKS_H
#define LMM_PROGRAM_SHOWN_STACKS_H

#include <stddef.h>
#include <stdint.h>

struct lmm_look;
struct lmm_model;
struct lmm_shown_stacks;
struct lmm_sink;

/* Returns the empty list of a new report, whose look must outlive it; NULL: out of memory. */
struct lmm_shown_stacks *lmm_shown_stacks_new(const struct lmm_look *look);

/* Returns the number of a stack that was printed; 0: it was not, or stack is 0. */
size_t lmm_shown_stacks_number(const struct lmm_shown_stacks *stacks, uint32_t stack);

/*
 * Puts "stack 3: " and its calls, innermost first, to the end of their last line; or "stack 3, as
 * above". stack: not 0. columns: what the caller has put of the first line. lines: the most lines
 * of the stack, at least 1; SIZE_MAX: no limit. Out of memory becomes the sink's error.
 */
void lmm_shown_stacks_put(struct lmm_shown_stacks *stacks, const struct lmm_model *model,
                          uint32_t stack, size_t columns, size_t lines, struct lmm_sink *sink);

/* stacks may be NULL. */
void lmm_shown_stacks_free(struct lmm_shown_stacks *stacks);

#endif
