/* SPDX-License-Identifier: MIT */
/* The result is stored in a field. */
#include <stdlib.h>

#include "keep.h"

struct item {
    struct item *next, *previous;
    char name[24];
};

struct pair {
    double a, b;
};

struct list {
    struct item *head;
    struct item *tail;
    struct pair *pairs;
    char *text;
    struct {
        struct item *inner;
    } nested;
};

NOT_INLINED static void fill(struct list *list)
{
    list->head = malloc(sizeof(struct item));      /* type: struct item */
    list->tail = malloc(40);                       /* type: struct item */
    list->head->next = calloc(1, 40);              /* type: struct item */
    list->pairs = malloc(5 * sizeof(struct pair)); /* type: struct pair[] */
    list->text = malloc(number(100));              /* type: char[] */
    list->nested.inner = malloc(number(40));       /* type: struct item */
    list->tail->previous = NULL;
}

int main(void)
{
    struct list *list = malloc(sizeof(*list)); /* type: struct list */
    static struct list local;

    fill(list);
    fill(&local);
    keep(list);
    keep(&local);
    return 0;
}
