/* SPDX-License-Identifier: MIT */
/* Unions, and structs with unions. */
#include <stdlib.h>

#include "keep.h"

union number {
    long integer;
    double real;
    char text[16];
};

struct value {
    int kind;
    union {
        long integer;
        double real;
        struct value *list;
        char *text;
    } of;
};

typedef union {
    void *pointer;
    long bits[4];
} slot;

NOT_INLINED static struct value *new_value(int kind)
{
    struct value *value = malloc(sizeof(struct value)); /* type: struct value */

    value->kind = kind;
    if (kind == 1) {
        value->of.list = malloc(number(16)); /* type: struct value */
    } else {
        value->of.text = malloc(number(16)); /* type: char[] */
    }
    return value;
}

int main(void)
{
    union number *n = malloc(sizeof(*n)); /* type: union number */
    union number *m = malloc(number(16)); /* type: union number */
    slot *s = calloc(4, sizeof(slot));    /* type: slot[] */

    n->real = 1.5;
    m->integer = 1;
    s[0].pointer = n;
    keep(new_value(1)), keep(new_value(2)), keep(n), keep(m), keep(s); /* type: none */
    return 0;
}
