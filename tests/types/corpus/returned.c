/* SPDX-License-Identifier: MIT */
/* The result is returned by a function whose result has a type. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct point {
    double x, y, z;
};

struct shape {
    struct point *points;
    long count;
    long kind;
};

NOT_INLINED static struct point *new_point(void)
{
    return malloc(sizeof(struct point)); /* type: struct point */
}

NOT_INLINED static struct shape *new_shape(size_t size)
{
    return calloc(1, size); /* type: struct shape */
}

NOT_INLINED static struct point *copy_point(const struct point *other)
{
    void *copy = malloc(sizeof(*other)); /* type: struct point */

    return copy == NULL ? NULL : memcpy(copy, other, sizeof(*other));
}

NOT_INLINED static char *buffer(size_t size)
{
    return malloc(size); /* type: char[] */
}

NOT_INLINED static struct shape *checked(void)
{
    void *p = malloc(24); /* type: struct shape */

    if (p == NULL) {
        abort();
    }
    return p;
}

int main(void)
{
    struct point *p = new_point();           /* type: struct point */
    struct shape *s = new_shape(number(24)); /* type: struct shape */

    s->points = p;
    memset(p, 0, sizeof(*p));
    keep(copy_point(p));
    keep(buffer(number(77))); /* type: char[] */
    keep(checked());
    keep(s);
    return 0;
}
