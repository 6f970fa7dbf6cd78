/* SPDX-License-Identifier: MIT */
/* early_library: a library whose constructor runs before the program's, and may run before the
 * drop-in's: it allocates there, registers fork handlers that allocate, and frees in its
 * destructor. */
#ifndef TESTS_PRELOAD_EARLY_LIBRARY_H
#define TESTS_PRELOAD_EARLY_LIBRARY_H

#include <stddef.h>

enum { EARLY_BLOCKS = 200 };

/* Takes block i of the constructor, painted with seed i; the caller frees it. NULL: it was taken
 * before. */
void *early_take(size_t i);
size_t early_size(size_t i);

/* The library's destructor frees the block, which must then still be painted with seed i. */
void early_give(size_t i, void *block);

/* How often the handlers ran around fork in this process: prepare, parent, child. */
extern unsigned early_forks[3];

#endif
