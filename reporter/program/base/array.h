/* SPDX-License-Identifier: MIT */
/*
 * array: arrays that grow. Each is an allocated pointer and a count, all zero at first, to be freed
 * with free(). Stateless.
 */
#ifndef LMM_PROGRAM_ARRAY_H
#define LMM_PROGRAM_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Makes room for one more item in an array of `count`, which has grown by this function alone: it
 * has room for a power of two. Returns the array, which may have moved; NULL: out of memory, and
 * the array is as it was. Cost: constant on average.
 */
void *lmm_array_room(void *items, size_t count, size_t item_bytes);

/*
 * Makes an array of *count items one of at least `needed`, where it is shorter; new items are all
 * zero. Returns the array, which may have moved, and sets *count; NULL: out of memory, and nothing
 * has changed.
 */
void *lmm_array_reach(void *items, size_t *count, size_t needed, size_t item_bytes);

#endif
