/* SPDX-License-Identifier: MIT */
/* The size is a variable that was made of sizeof before. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct text {
    long length;
    long hash;
};

struct wide_text {
    struct text text;
    char *utf8;
};

struct point {
    double x, y;
    long id;
};

struct circle {
    double radius;
    char name[40];
};

/* Structs that are only an operand of sizeof are not in the debug information. */
struct wide_text *last_text;
struct point *last_point;
struct circle *last_circle;

NOT_INLINED static void by_variable(void)
{
    size_t size = sizeof(struct point);
    void *block = malloc(size); /* type: struct point */

    memset(block, 0, size);
    keep(block);
}

NOT_INLINED static void by_two_variables(size_t count)
{
    size_t one = sizeof(struct point);
    size_t all;

    all = one * count;
    keep(malloc(all)); /* type: struct point[] */
}

/* The one of two structs starts with the other. */
NOT_INLINED static void new_text(size_t length, size_t is_wide)
{
    size_t head = sizeof(struct wide_text);

    if (is_wide == 0) {
        head = sizeof(struct text);
    }
    keep(malloc(head + length + 1)); /* type: struct text+ */
}

NOT_INLINED static void resize_text(size_t length, size_t is_wide)
{
    size_t head, size;

    if (is_wide != 0)
        head = sizeof(struct wide_text);
    else
        head = sizeof(struct text);
    size = head + length + 1;
    keep(realloc(NULL, size)); /* type: struct text+ */
}

/* It is one or the other, and nobody can tell which. */
NOT_INLINED static void either(size_t is_point)
{
    size_t size;

    if (is_point != 0) {
        size = sizeof(struct point);
    } else {
        size = sizeof(struct circle);
    }
    keep(malloc(size)); /* type: none */
}

/* The variable is used again. */
NOT_INLINED static void again(void)
{
    size_t size = sizeof(struct circle);

    keep(malloc(size)); /* type: struct circle */
    size = sizeof(struct point);
    keep(malloc(size)); /* type: struct point */
}

/* Sometimes it has another value, or one that the caller gave. */
NOT_INLINED static void unless(size_t size)
{
    if (size == 0) {
        size = sizeof(struct point);
    }
    keep(malloc(size)); /* type: none */
}

/* A part of the size, and no struct. */
NOT_INLINED static void sum_of_other_things(const char *text)
{
    size_t spare = sizeof(struct point) / 3;

    keep(strcpy(malloc(spare + strlen(text) + 1), text)); /* type: none | char[] */
}

NOT_INLINED static void use_all(void)
{
    size_t size = number(0) > 1 ? sizeof(struct circle) : 60;

    keep(malloc(size)); /* type: none */
    keep(&last_text), keep(&last_point), keep(&last_circle);
}

int main(void)
{
    by_variable(), by_two_variables(number(5));
    new_text(number(30), 0), new_text(number(7), number(1)), new_text(number(9), number(0));
    resize_text(number(90), 0), resize_text(number(60), number(1));
    either(number(0)), either(number(1)), again();
    unless(number(48)), unless(number(0));
    sum_of_other_things("a text"), use_all();
    return 0;
}
