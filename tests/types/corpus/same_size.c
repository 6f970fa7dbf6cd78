/* SPDX-License-Identifier: MIT */
/* Different types of the same size, in the same registers. */
#include <stdlib.h>

#include "keep.h"

struct apple {
    long weight;
    struct apple *next;
    int colour, kind;
};

struct pear {
    double weight;
    void *tree;
    long kind;
};

struct plum {
    char name[24];
};

NOT_INLINED static void three(void)
{
    struct apple *apple = malloc(number(24)); /* type: struct apple */
    struct pear *pear = malloc(number(24));   /* type: struct pear */
    struct plum *plum = malloc(number(24));   /* type: struct plum */

    apple->weight = 1;
    pear->tree = apple;
    plum->name[0] = 'a';
    keep(apple), keep(pear), keep(plum);
}

NOT_INLINED static void one_after_another(void)
{
    struct apple *apple = malloc(sizeof(*apple)); /* type: struct apple */
    keep(apple);
    struct pear *pear = malloc(sizeof(*pear)); /* type: struct pear */
    keep(pear);
    struct plum *plum = malloc(sizeof(*plum)); /* type: struct plum */
    keep(plum);
}

NOT_INLINED static void choose(int kind)
{
    void *fruit;

    if (kind == 1) {
        fruit = malloc(sizeof(struct apple)); /* type: struct apple */
    } else {
        fruit = malloc(sizeof(struct pear)); /* type: struct pear */
    }
    keep(fruit);
}

NOT_INLINED static struct apple *as_other(struct pear **place)
{
    *place = malloc(number(24)); /* type: struct pear */
    return NULL;
}

NOT_INLINED static struct apple *swap(void)
{
    struct pear *pear = malloc(number(24));   /* type: struct pear */
    struct apple *apple = malloc(number(24)); /* type: struct apple */

    keep(pear);
    return apple;
}

int main(void)
{
    struct pear *place;

    three();
    one_after_another();
    choose((int) number(1)); /* type: struct apple */
    choose((int) number(2)); /* type: struct pear */
    as_other(&place);
    keep(place);
    keep(swap());
    return 0;
}
