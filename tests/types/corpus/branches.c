/* SPDX-License-Identifier: MIT */
/* Only on one side of a branch the block is a certain struct: of the same size as those that it is. */
#include <stdlib.h>

#include "keep.h"

struct object {
    long references;
    long kind;
};

struct amount {
    struct object base;
    double value;
    double error;
};

struct text {
    struct object base;
    char *bytes;
    long length;
};

NOT_INLINED static void put(long kind)
{
    struct object *object = malloc(number(32)); /* type: none | struct text */

    object->references = 1;
    object->kind = kind;
    keep(object);
    if (kind == (long) number(1)) {
        struct amount *amount = (struct amount *) object;

        amount->value = 1;
        keep(amount);
    }
}

NOT_INLINED static void put_all(struct object *all[], long kind)
{
    struct object *object = calloc(1, number(32)); /* type: none | struct text */

    if (object != NULL) {
        object->kind = kind;
        all[kind % 2] = object;
        if (kind == (long) number(1)) {
            struct amount *amount = (struct amount *) object;

            amount->error = 1;
            keep(amount);
        }
    }
}

int main(void)
{
    struct object *all[2];

    put((long) number(2));
    put_all(all, (long) number(2));
    keep(all);
    return 0;
}
