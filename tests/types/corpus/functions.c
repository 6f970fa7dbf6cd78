/* SPDX-License-Identifier: MIT */
/* malloc is called by pointers. */
#include <stdlib.h>

#include "keep.h"

struct allocator {
    void *(*allocate)(size_t);
    void (*release)(void *);
};

struct event {
    int kind;
    int time;
    void (*handler)(struct event *);
};

static void *(*volatile allocate)(size_t) = malloc;

NOT_INLINED static struct event *by_table(const struct allocator *allocator)
{
    struct event *event = allocator->allocate(sizeof(struct event)); /* type: struct event */

    event->kind = 1;
    return event;
}

int main(void)
{
    static struct allocator allocator;
    struct event *event = allocate(sizeof(*event));    /* type: struct event */
    struct event *plain = allocate(number(16));        /* type: struct event */
    void **table = malloc(5 * sizeof(void *));         /* type: void *[] */
    void (**calls)(void) = malloc(5 * sizeof(*calls)); /* type: void (*)()[] | void (*[])() | ... */

    allocator.allocate = allocate;
    event->kind = 2;
    plain->kind = 3;
    keep(by_table(&allocator)), keep(event), keep(plain), keep(table), keep(calls);
    return 0;
}
