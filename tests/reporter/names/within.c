/* SPDX-License-Identifier: MIT */
/* within: a function in a function, an extension of GCC, whose DWARF is within that of the other one. */
#include <stdlib.h>

static void *volatile kept;

__attribute__((noinline)) static void outer(size_t bytes)
{
    __attribute__((noinline)) void inner(void)
    {
        kept = malloc(bytes); /* MARK inner */
    }
    inner();
    inner();
}

int main(void)
{
    outer(300);
    kept = NULL;
    return 0;
}
