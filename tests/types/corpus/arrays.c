/* SPDX-License-Identifier: MIT */
/* Arrays of structs, numbers and pointers. */
#include <stdint.h>
#include <stdlib.h>

#include "keep.h"

struct vertex {
    float x, y, z;
};

int main(void)
{
    size_t n = number(50);
    struct vertex *a = malloc(n * sizeof(struct vertex)); /* type: struct vertex[] */
    struct vertex *b = calloc(n, sizeof(struct vertex));  /* type: struct vertex[] */
    struct vertex *c = calloc(sizeof(*c), n);             /* type: struct vertex[] */
    int *d = malloc(n * sizeof(int));                     /* type: int[] */
    double *e = malloc(n * sizeof *e);                    /* type: double[] */
    uint32_t *f = malloc(n * 4);                          /* type: unsigned int[] | uint32_t[] */
    struct vertex **g = malloc(n * sizeof(*g));           /* type: struct vertex *[] */
    unsigned char *h = malloc(n);                         /* type: unsigned char[] */
    struct vertex(*i)[4] = malloc(n * sizeof(*i)); /* type: struct vertex[4][] | struct vertex[] */
    struct vertex *j = reallocarray(NULL, n, sizeof(*j)); /* type: struct vertex[] */

    d[0] = 1;
    e[0] = 1;
    f[0] = 1;
    g[0] = a;
    keep(a), keep(b), keep(c), keep(d), keep(e), keep(f), keep(g), keep(h), keep(i), keep(j);
    return 0;
}
