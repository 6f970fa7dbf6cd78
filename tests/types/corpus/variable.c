/* SPDX-License-Identifier: MIT */
/* The result is held by a variable; nothing else tells the type. */
#include <stdlib.h>

#include "keep.h"

struct node {
    struct node *next;
    long key, value;
};

struct window {
    int x, y, width, height;
    void *owner;
};

static void loop(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct window *w = malloc(24); /* type: struct window */

        w->x = (int) i;
        w->owner = NULL;
        keep(w);
    }
}

int main(void)
{
    struct node *n = malloc(sizeof(struct node)); /* type: struct node */
    struct window *w = malloc(24);                /* type: struct window */
    size_t size = number(24);
    struct node *plain = malloc(size); /* type: struct node */

    if (n == NULL || w == NULL || plain == NULL) {
        return 1;
    }
    n->next = plain;
    n->key = 3;
    plain->next = NULL;
    w->width = 4;
    keep(n);
    keep(w);
    loop(3);
    return 0;
}
