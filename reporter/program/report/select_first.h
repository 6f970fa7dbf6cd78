/* SPDX-License-Identifier: MIT */
/* select_first: the first items of a long array in some order, for reports that show only these.
 * Stateless. */
#ifndef LMM_PROGRAM_SELECT_FIRST_H
#define LMM_PROGRAM_SELECT_FIRST_H

#include <stddef.h>

/*
 * Brings the `most` items of an array that come first in an order to its front, in this order; the
 * other items follow in any order. compare: as qsort_r(3) takes it. Cost: one pass over the array
 * for each item that is wanted, or that of qsort_r() if that is less.
 */
void lmm_select_first(void *items, size_t count, size_t item_bytes, size_t most,
                      int (*compare)(const void *left, const void *right, void *context),
                      void *context);

#endif
