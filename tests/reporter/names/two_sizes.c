/* SPDX-License-Identifier: MIT */
/* Two blocks of neighbouring sizes from one function: together they are the peak. */
#include <stdlib.h>

static void *volatile kept[2];

__attribute__((noinline)) static void *make(size_t bytes)
{
    return malloc(bytes); /* MARK make */
}

int main(void)
{
    kept[0] = make(40);
    kept[1] = make(41);
    return 0;
}
