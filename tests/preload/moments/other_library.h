/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PRELOAD_MOMENTS_OTHER_LIBRARY_H
#define TESTS_PRELOAD_MOMENTS_OTHER_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* Allocates a block with this library's own malloc, whichever malloc the program uses. */
void *mallocx(size_t bytes, int flags);

/* How many of its blocks live. */
long other_live_blocks(void);

/* Whether a block is one of its own. */
bool other_has(const void *block);

#endif
