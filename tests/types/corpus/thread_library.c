/* SPDX-License-Identifier: MIT */
/* The result is stored in a variable of the thread, by a shared library. */
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

void set_up(size_t i);
void set_own(void);

#ifdef LIBRARY
extern __thread struct slab *of_program;
__thread struct slab *common;
__thread struct cache shared;
static __thread struct slab *only;
static __thread struct cache own;
static __thread struct cache *remote;
static __thread struct slab *near __attribute__((tls_model("initial-exec")));

NOT_INLINED static void set_common(size_t i)
{
    common = malloc(number(64));          /* type: struct slab */
    shared.current = malloc(number(64));  /* type: struct slab */
    shared.spare[i] = malloc(number(64)); /* type: struct slab */
    of_program = malloc(number(64));      /* type: struct slab */
}

NOT_INLINED static void set_near(void)
{
    near = malloc(number(64)); /* type: struct slab */
}

NOT_INLINED static long count_up(void)
{
    static __thread struct slab *counter;

    if (counter == NULL) {
        counter = calloc(1, number(64)); /* type: struct slab */
    }
    return counter == NULL ? 0 : ++counter->used;
}

void set_up(size_t i)
{
    only = malloc(number(64));            /* type: struct slab */
    own.current = malloc(number(64));     /* type: struct slab */
    own.spare[i] = malloc(number(64));    /* type: struct slab */
    remote = malloc(number(48));          /* type: struct cache */
    remote->current = malloc(number(64)); /* type: struct slab */
    set_common(i);
    set_near();
    keep(only), keep(&own), keep(remote), keep(near), keep(common), keep(&shared);
    keep(count_up() == 1 ? "counted" : "");
}
#else
extern __thread struct slab *common;
__thread struct slab *of_program;

void set_own(void)
{
    common = malloc(number(64)); /* type: struct slab */
    keep(common);
}

int main(void)
{
    set_up(number(2));
    set_own();
    keep(of_program);
    return 0;
}
#endif
