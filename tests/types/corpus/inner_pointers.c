/* SPDX-License-Identifier: MIT */
/* Variables that hold the address of a first member, or of a part, beside that of the block. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct name {
    char *text;
    size_t length;
};

struct place {
    double x, y;
};

struct house {
    struct name name; /* first */
    struct place place;
    struct house *next;
};

struct street {
    struct house **end;
    struct house *first;
    char label[16];
};

NOT_INLINED static void name_init(struct name *name, const char *text)
{
    name->text = NULL;
    name->length = strlen(text);
}

NOT_INLINED static struct house *by_first_member(void)
{
    struct house *house = malloc(number(40)); /* type: struct house */
    struct name *name = &house->name;

    name_init(name, "one");
    house->next = NULL;
    return house;
}

NOT_INLINED static struct name *as_first_member(void)
{
    struct house *house = malloc(sizeof(struct house)); /* type: struct house */

    name_init(&house->name, "two");
    return &house->name;
}

NOT_INLINED static double *as_number(void)
{
    struct place *place = malloc(sizeof(*place)); /* type: struct place */
    double *x = &place->x;

    *x = 1;
    return x;
}

NOT_INLINED static void append(struct street *street)
{
    struct house *house = calloc(1, number(40)); /* type: struct house */

    *street->end = house;
    street->end = &house->next;
}

NOT_INLINED static char *text_of_label(void)
{
    struct street *street = malloc(sizeof(struct street)); /* type: struct street */

    street->first = NULL;
    return strcpy(street->label, "label") - offsetof(struct street, label);
}

NOT_INLINED static void copy(struct house *to)
{
    struct house *other = malloc(number(40)); /* type: struct house */

    memcpy(other, to, sizeof(*other));
    *to = *other;
    to->next = other;
}

int main(void)
{
    struct street street = {.first = NULL};
    struct house *house = by_first_member();

    street.end = &street.first;
    append(&street);
    append(&street);
    copy(house);
    keep(house), keep(as_first_member()), keep(as_number()), keep(&street), keep(text_of_label());
    return 0;
}
