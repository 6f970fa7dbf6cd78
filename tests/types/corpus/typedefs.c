/* SPDX-License-Identifier: MIT */
/* Types by other names. */
#include <stdint.h>
#include <stdlib.h>

#include "keep.h"

typedef struct tree {
    struct tree *left, *right;
    long key;
} tree_t;

typedef tree_t branch_t;
typedef branch_t *branch_ptr;
typedef struct hidden *hidden_ptr;
typedef char name_t[32];
typedef unsigned char byte;

struct hidden {
    int a, b, c;
};

int main(void)
{
    tree_t *a = malloc(sizeof(tree_t));            /* type: tree_t */
    struct tree *b = malloc(number(24));           /* type: tree_t */
    branch_ptr c = malloc(sizeof(*c));             /* type: tree_t | branch_t */
    hidden_ptr d = malloc(number(12));             /* type: struct hidden */
    name_t *e = malloc(sizeof(name_t));            /* type: char[32] | name_t | char[] */
    byte *f = malloc(number(9));                   /* type: unsigned char[] */
    branch_ptr *g = calloc(8, sizeof(branch_ptr)); /* type: tree_t *[] */

    a->left = malloc(sizeof(branch_t)); /* type: tree_t | branch_t */
    d->a = 1;
    keep(a), keep(b), keep(c), keep(d), keep(e), keep(f), keep(g);
    return 0;
}
