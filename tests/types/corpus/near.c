/* SPDX-License-Identifier: MIT */
/* Several blocks for one object, of sizes that fit each other. */
#include <stdlib.h>

#include "keep.h"

struct half {
    long a, b;
};

struct full {
    struct half *left, *right;
    void *extra;
    long count;
};

static inline __attribute__((always_inline)) struct full *new_full(void)
{
    struct full *full = malloc(sizeof(*full)); /* type: struct full */

    full->left = malloc(number(16));  /* type: struct half */
    full->right = malloc(number(16)); /* type: struct half */
    full->extra = malloc(number(32)); /* type: none */
    full->count = 2;
    return full;
}

NOT_INLINED static struct full *with_cleanup(int fails)
{
    struct full *full = malloc(number(32)); /* type: struct full */
    void *scratch = malloc(number(32));     /* type: none */
    struct half *half = malloc(number(16)); /* type: struct half */

    if (full == NULL || scratch == NULL || half == NULL || fails) {
        free(full);
        free(half);
        return NULL;
    }
    full->left = full->right = half;
    full->extra = scratch;
    return full;
}

NOT_INLINED static struct full *by_switch(int kind)
{
    void *p;

    switch (kind) {
    case 1: p = malloc(sizeof(struct full)); break;     /* type: struct full */
    case 2: p = malloc(2 * sizeof(struct half)); break; /* type: struct half[] | struct half */
    default: return NULL;
    }
    keep(p);
    return kind == 1 ? p : NULL;
}

int main(void)
{
    struct full *full = new_full();
    struct full *other = new_full();

    keep(full), keep(other), keep(with_cleanup((int) number(0)));
    keep(by_switch((int) number(1))), keep(by_switch((int) number(2))); /* type: none */
    return 0;
}
