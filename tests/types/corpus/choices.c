/* SPDX-License-Identifier: MIT */
/* One variable for several types, and choices. */
#include <stdlib.h>

#include "keep.h"

struct small {
    long a, b;
};

struct large {
    long a, b, c, d, e;
};

NOT_INLINED static void *choose(int is_large)
{
    void *p = is_large
                  ? malloc(sizeof(struct large))
                  : malloc(sizeof(struct small)); /* type: struct large | struct small | none */

    return p;
}

NOT_INLINED static void reuse(void)
{
    void *p;

    p = malloc(sizeof(struct small)); /* type: struct small */
    keep(p);
    p = malloc(sizeof(struct large)); /* type: struct large */
    keep(p);
    p = malloc(number(30)); /* type: none */
    keep(p);
}

NOT_INLINED static struct small *maybe(int has_one)
{
    struct small *p = has_one ? malloc(sizeof(*p)) : NULL; /* type: struct small */

    if (p != NULL) {
        p->a = 1;
    }
    return p;
}

NOT_INLINED static void sized(int is_large)
{
    struct small *p =
        malloc(is_large ? sizeof(struct large)
                        : sizeof(struct small)); /* type: struct small | struct large */

    p->a = is_large;
    keep(p);
}

int main(void)
{
    keep(choose((int) number(0))); /* type: struct small */
    keep(choose((int) number(1))); /* type: struct large */
    reuse();
    keep(maybe((int) number(1)));
    sized((int) number(1));
    return 0;
}
