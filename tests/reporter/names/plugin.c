/* SPDX-License-Identifier: MIT */
/* A plugin for loader.c. "MARK name" is a line's name. */
#include <stdlib.h>

void *entry(size_t n);

void *entry(size_t n)
{
    void *volatile block = malloc(n); /* MARK entry */
    return block;
}
