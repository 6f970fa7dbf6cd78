/* SPDX-License-Identifier: MIT */
/* Compiled without debug information; it stands before functions that have some, or that the linker drops. */
#include <stdlib.h>

void *plain_alloc(size_t n);

__attribute__((noinline)) void *plain_alloc(size_t n)
{
    void *volatile block = malloc(n);
    return block;
}
