/* SPDX-License-Identifier: MIT */
/* Two functions that allocate, in one of two orders (-DSWAPPED), then a command that is run. "MARK name" is a line's
 * name. */
#include <stdlib.h>

#define APART __attribute__((noinline))

#ifndef SWAPPED
static APART void *alpha(size_t n)
{
    void *volatile block = malloc(n); /* MARK alpha */
    return block;
}
#endif

static APART void *beta(size_t n)
{
    void *volatile block = malloc(n); /* MARK beta */
    return block;
}

#ifdef SWAPPED
static APART void *alpha(size_t n)
{
    void *volatile block = malloc(n);
    return block;
}
#endif

int main(int argc, char **argv)
{
    alpha(111);
    beta(222);
    return argc > 1 ? system(argv[1]) : 0;
}
