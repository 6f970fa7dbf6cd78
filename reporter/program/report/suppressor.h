/* SPDX-License-Identifier: MIT */
/*
 * suppressor: which suppression counts the leaks of a call stack. Each address is matched with the
 * patterns once, and each frame of the tree of stacks has its answer once, so 100,000 stacks that
 * share their outer calls cost little more than the addresses in them.
 *
 * Names are looked up only where a pattern may fit: the built-in patterns name functions of the C
 * library.
 *
 * Invariant (checked by tests/unit/reporter/test_spots.c): the answer of a frame is the first
 * suppression, in the user's order, that fits a call of it or of an outer frame, or its stack.
 */
#ifndef LMM_PROGRAM_SUPPRESSOR_H
#define LMM_PROGRAM_SUPPRESSOR_H

#include <stdbool.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_site;
struct lmm_suppression;
struct lmm_suppressions;
struct lmm_suppressor;

/* Returns a suppressor for the stacks of a model; both arguments must outlive it. NULL: out of
 * memory. */
struct lmm_suppressor *lmm_suppressor_new(const struct lmm_model *model,
                                          struct lmm_suppressions *suppressions);

/* Sets *ret_found to the suppression that counts blocks of a site, or to NULL; false: out of memory.
 * classes: a bit, 1 << enum lmm_model_class, for each class that the blocks may have; 0: they have
 * none, and every suppression may match. */
bool lmm_suppressor_find(struct lmm_suppressor *suppressor, const struct lmm_model_site *site,
                         unsigned classes, struct lmm_suppression **ret_found);

/* suppressor may be NULL. */
void lmm_suppressor_free(struct lmm_suppressor *suppressor);

#endif
