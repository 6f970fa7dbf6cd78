/* SPDX-License-Identifier: MIT */
/* Wrappers that store the block where a parameter points, which may be anything. */
#include <stdlib.h>

#include "keep.h"

struct point {
    long x, y, z;
};

struct shape {
    long kind;
    struct point *points;
    struct shape *next;
    long area;
};

struct context {
    struct shape *last;
    long count;
};

NOT_INLINED static int get_memory(void **ret_block, size_t bytes)
{
    *ret_block = malloc(bytes); /* type: struct point | struct shape */
    return *ret_block == NULL;
}

/* The second parameter, after one that takes a register of its own. */
NOT_INLINED static int get_aligned(size_t bytes, void **ret_block)
{
    int error = posix_memalign(ret_block, 64, bytes); /* type: struct point */

    keep(ret_block);
    return error;
}

NOT_INLINED static int get_checked(void **ret_block, size_t bytes)
{
    void *block = calloc(1, bytes); /* type: struct point */

    if (block == NULL) {
        return -1;
    }
    *ret_block = block;
    return 0;
}

/* One calls another one. */
NOT_INLINED static int get_inner(void **ret_block, size_t bytes)
{
    *ret_block = malloc(bytes); /* type: struct shape */
    return 0;
}

NOT_INLINED static int get_outer(void **ret_block, size_t bytes)
{
    int error = get_inner(ret_block, bytes);

    keep(ret_block);
    return error;
}

/* A jump to a function whose parameters are others. */
NOT_INLINED static int get_last(void **ret_block, size_t bytes)
{
    *ret_block = malloc(bytes); /* type: struct point | none */
    return *ret_block == NULL;
}

NOT_INLINED static int get_counted(struct context *context, void **ret_block, size_t bytes)
{
    context->count++;
    return get_last(ret_block, bytes);
}

/* A number before it that is in another register. */
NOT_INLINED static int get_scaled(double scale, void **ret_block, size_t bytes)
{
    *ret_block = malloc((size_t) (scale * (double) bytes)); /* type: struct point | none */
    return 0;
}

int main(void)
{
    struct context context = {NULL, 0};
    struct point *a, *b, *c, *d, *e;
    struct shape *f, *g;
    struct shape shape = {0};
    int errors = get_memory((void **) &a, number(24)) + get_memory((void **) &f, number(32));

    errors += get_memory((void **) &shape.points, number(24));
    errors += get_aligned(number(24), (void **) &b) + get_checked((void **) &c, number(24));
    errors += get_outer((void **) &g, number(32));
    errors += get_counted(&context, (void **) &d, number(24));
    errors += get_scaled(1.0, (void **) &e, number(24));
    keep(a), keep(b), keep(c), keep(d), keep(e), keep(f), keep(g), keep(&shape), keep(&context);
    return errors;
}
