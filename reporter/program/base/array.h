/* SPDX-License-Identifier: MIT */
/* array: arrays that grow. Each is an allocated pointer and a count, all zero at first, to be freed
 * with free(). And arrays of a length that is known. Stateless. */
#ifndef LMM_PROGRAM_ARRAY_H
#define LMM_PROGRAM_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Adds an item, all zero, to an array that has grown by this function alone, so that it has room
 * for a power of two. items: the address of the pointer to the array, which may move. Returns the
 * item and counts it; NULL: out of memory, and nothing has changed. Cost: constant on average.
 */
void *lmm_array_add(void *items, size_t *count, size_t item_bytes);

/*
 * Makes an array of *count items one of at least `needed`, where it is shorter; new items are all
 * zero. items: as above. Returns false when memory ran out, and nothing has changed.
 */
bool lmm_array_reach(void *items, size_t *count, size_t needed, size_t item_bytes);

/*
 * Returns room for count items that are written before they are read, with one more item, to be freed with free();
 * NULL: out of memory. Where an item is never written, its page is never used: unlike with calloc(), which clears what
 * malloc had before.
 */
void *lmm_array_room(size_t count, size_t item_bytes);

#endif
