/* SPDX-License-Identifier: MIT */
/*
 * What the programs of the corpus share. At the end of each line that allocates stands the right
 * type of its blocks: "type: struct node"; "none" where nobody can tell; "A | B" when stacks differ,
 * or when either is right, such as the struct after a header that the program hides; "..." for any
 * text; "T+" where a block starts with a T and has more. All blocks live until the exit.
 */
#ifndef TYPES_CORPUS_KEEP_H
#define TYPES_CORPUS_KEEP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Uses a block in a way that the compiler cannot see through. */
void keep(const void *block);

/* Returns a number that the compiler does not know. */
size_t number(size_t value);

#ifdef __cplusplus
}
#endif

#define NOT_INLINED __attribute__((noinline))

#endif
