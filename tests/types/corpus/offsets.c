/* SPDX-License-Identifier: MIT */
/* Pointers into blocks: the variable is not the start of it. */
#include <stdint.h>
#include <stdlib.h>

#include "keep.h"

struct prefix {
    long magic, size;
};

struct body {
    int a, b, c, d;
};

struct whole {
    struct prefix prefix;
    struct body body;
};

NOT_INLINED static struct body *after_prefix(void)
{
    char *raw = malloc(sizeof(struct prefix) +
                       sizeof(struct body)); /* type: char[] | struct prefix | struct body | none */

    return (struct body *) (raw + sizeof(struct prefix));
}

NOT_INLINED static struct body *member(void)
{
    struct whole *whole = malloc(number(32)); /* type: struct whole */

    whole->prefix.magic = 7;
    return &whole->body;
}

NOT_INLINED static struct body *at_once(void)
{
    return (struct body *) ((char *) malloc(number(32)) +
                            16); /* type: char[] | struct body | none */
}

NOT_INLINED static double *one_based(size_t count)
{
    double *values = malloc(count * sizeof(double)); /* type: double[] */

    return values - 1;
}

static void *tagged;

int main(void)
{
    struct body *body = malloc(sizeof(struct body)); /* type: struct body */

    tagged = (void *) ((uintptr_t) body | 1);
    keep(after_prefix()), keep(member()), keep(at_once()), keep(one_based(number(9)) + 1),
        keep(tagged);
    return 0;
}
