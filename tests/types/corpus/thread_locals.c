/* SPDX-License-Identifier: MIT */
/* The result is stored in a variable of the thread. */
#include <stdlib.h>

#include "keep.h"

struct slab {
    long used;
    char bytes[56];
};

struct cache {
    struct slab *current;
    struct slab *spare[4];
    long hits;
};

static __thread struct slab *only;
static __thread struct cache own;
static __thread struct cache *shared;
__thread char padding[3];

NOT_INLINED static void set_up(size_t i)
{
    only = malloc(number(64));            /* type: struct slab */
    own.current = malloc(number(64));     /* type: struct slab */
    own.spare[i] = malloc(number(64));    /* type: struct slab */
    shared = malloc(number(48));          /* type: struct cache */
    shared->current = malloc(number(64)); /* type: struct slab */
}

NOT_INLINED static long count_up(void)
{
    static __thread struct slab *counter;

    if (counter == NULL) {
        counter = calloc(1, number(64)); /* type: struct slab */
    }
    return counter == NULL ? 0 : ++counter->used;
}

int main(void)
{
    padding[number(1)] = 1;
    set_up(number(2));
    keep(only), keep(&own), keep(shared);
    return count_up() + count_up() == 3 ? 0 : 1;
}
