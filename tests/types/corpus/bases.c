/* SPDX-License-Identifier: MIT */
/* Objects of C: one function allocates structs of several kinds, all of which start with one struct, and returns
 * them as that; and the same with a header before the object. */
#include <stdlib.h>

#include "keep.h"

struct object {
    long references;
    const void *kind;
};

struct number {
    struct object base;
    double value;
    double error;
};

struct pair {
    struct object base;
    struct object *first;
    struct object *second;
    struct object *both;
    struct object *none;
};

struct header {
    struct header *next;
    struct header *previous;
};

__attribute__((noinline)) static struct object *object_new(size_t bytes, const void *kind)
{
    struct object *made = malloc(bytes); /* type: none | struct number | struct pair */

    made->references = 1;
    made->kind = kind;
    return made;
}

__attribute__((noinline)) static struct object *object_new_linked(size_t bytes, const void *kind)
{
    struct header *header =
        malloc(sizeof(struct header) +
               bytes); /* type: none | struct header | struct number | struct pair */
    struct object *made = (struct object *) (header + 1);

    header->next = header;
    made->references = 1;
    made->kind = kind;
    return made;
}

int main(void)
{
    for (int i = 0; i < 10; i++) {
        struct number *number = (struct number *) object_new(sizeof(struct number), "number");
        struct pair *pair = (struct pair *) object_new(sizeof(struct pair), "pair");
        struct number *linked =
            (struct number *) object_new_linked(sizeof(struct number), "number");
        struct pair *other = (struct pair *) object_new_linked(sizeof(struct pair), "pair");

        number->value = i;
        linked->value = i;
        pair->first = &number->base;
        other->first = &linked->base;
        keep(pair);
        keep(other);
    }
    return 0;
}
