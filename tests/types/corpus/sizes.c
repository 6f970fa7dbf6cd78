/* SPDX-License-Identifier: MIT */
/* The statement has sizeof in its many forms; the variable is void * or has the type. */
#include <stdlib.h>

#include "keep.h"

struct entry {
    long key, value;
    struct entry *next;
};

typedef struct record {
    char name[40];
    int age;
} record_t;

int main(void)
{
    void *a = malloc(sizeof(struct entry));                 /* type: struct entry */
    void *b = malloc(sizeof(record_t));                     /* type: record_t */
    struct entry *c = malloc(sizeof *c);                    /* type: struct entry */
    struct entry *d = malloc(sizeof(*d));                   /* type: struct entry */
    struct entry *e = malloc(sizeof(e[0]));                 /* type: struct entry */
    record_t *f = calloc(1, sizeof *f);                     /* type: record_t */
    record_t *g = (record_t *) malloc(sizeof(record_t));    /* type: record_t */
    struct entry *h = malloc(2 * sizeof(struct entry));     /* type: struct entry[] */
    long *i = malloc(sizeof(long) * 10);                    /* type: long[] | long int[] */
    struct entry **j = malloc(sizeof(struct entry *) * 10); /* type: struct entry *[] */
    void *k = malloc(                                       /* type: struct entry */
                     sizeof(struct entry));                 /* type: struct entry */

    c->next = malloc(sizeof(*c->next)); /* type: struct entry */
    keep(a), keep(b), keep(c), keep(d), keep(e), keep(f), keep(g), keep(h), keep(i), keep(j),
        keep(k);
    return 0;
}
