/* SPDX-License-Identifier: MIT */
/* The result is stored in a static variable of a function. */
#include <stdlib.h>

#include "keep.h"

struct pool {
    struct pool *next;
    char bytes[72];
};

struct names {
    long count;
    char *first;
    struct pool *pools[3];
};

NOT_INLINED static struct pool *the_pool(void)
{
    static struct pool *pool;

    if (pool == NULL) {
        pool = calloc(1, number(80)); /* type: struct pool */
    }
    return pool;
}

NOT_INLINED static void fill(size_t i)
{
    static struct names names;

    names.pools[1] = malloc(number(80)); /* type: struct pool */
    names.pools[i] = malloc(number(80)); /* type: struct pool */
    keep(&names);
}

static inline void remember(void)
{
    static struct pool *last;

    last = malloc(number(80)); /* type: struct pool | none */
    keep(&last);
}

int main(void)
{
    keep(the_pool());
    fill(number(2));
    remember();
    return 0;
}
