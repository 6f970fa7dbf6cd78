/* SPDX-License-Identifier: MIT */
/* Macros that allocate. */
#include <stdlib.h>

#include "keep.h"

#define NEW(type)          ((type *) calloc(1, sizeof(type)))
#define NEW_ARRAY(type, n) ((type *) malloc((n) * sizeof(type)))
#define ALLOCATE(p)        ((p) = malloc(sizeof(*(p))))
#define CHECKED(p)         ((p) != NULL ? (p) : (abort(), (p)))
#define STRUCT_NEW(name)   NEW(struct name)

struct river {
    long length;
    struct river *into;
};

typedef struct city {
    char name[28];
    int people;
} City;

int main(void)
{
    struct river *a = NEW(struct river); /* type: struct river */
    City *b = NEW(City);                 /* type: City */
    City *c = NEW_ARRAY(City, 5);        /* type: City[] */
    struct river *d = STRUCT_NEW(river); /* type: struct river */
    struct river *e;
    City *f = CHECKED(malloc(sizeof(City))); /* type: City */
    void *g = NEW(struct river);             /* type: struct river */

    ALLOCATE(e);       /* type: struct river */
    ALLOCATE(a->into); /* type: struct river */
    b->people = 1;
    keep(a), keep(b), keep(c), keep(d), keep(e), keep(f), keep(g);
    return 0;
}
