/* SPDX-License-Identifier: MIT */
/* Nothing tells the type: the blocks stay void *. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct holder {
    void *data;
    size_t size;
};

struct secret {
    long a, b, c;
};

static void *global_data;

NOT_INLINED static void *pass(void *data)
{
    keep(data);
    return data;
}

NOT_INLINED static void hold(struct holder *holder, size_t size)
{
    holder->data = malloc(size); /* type: none */
    holder->size = size;
}

int main(void)
{
    struct holder *holder = malloc(sizeof(*holder)); /* type: struct holder */
    void *data = malloc(number(24));                 /* type: none */
    void *copy;

    hold(holder, number(24));
    global_data = malloc(number(24)); /* type: none */
    copy = pass(malloc(number(24)));  /* type: none */
    memset(data, 0, 24);
    keep(malloc(number(24))); /* type: none */
    memcpy(copy, data, 24);
    keep(holder), keep(data), keep(copy), keep(global_data);
    return (int) ((struct secret *) data)->a;
}
