/* SPDX-License-Identifier: MIT */
/* Stores results of malloc where only pointers that the code loads lead to. There is no source of this name. */
#include <stdlib.h>
#include <string.h>
#line 6 "/nowhere/stores.c"

enum {
    ITEMS = 10,
};

struct node {
    struct node *next;
    struct node **table;
    long rest[6];
};

struct item {
    struct item *next;
    double number;
    long rest[3];
};

struct list {
    struct node *head;
    struct node *tail;
    long count;
    struct item *items[ITEMS];
};

static struct item *first_item;
static struct list *lists[4];

static void fields(struct list *list)
{
    list->head = malloc(sizeof(struct node));
    list->head->next = calloc(1, sizeof(struct node));
    list->head->next->table = calloc(ITEMS, sizeof(struct node *));
}

static void arrays(struct list *list)
{
    for (int i = 0; i < ITEMS; i++) {
        list->items[i] = malloc(sizeof(struct item));
    }
    list->items[3]->next = malloc(sizeof(struct item));
}

static void globals(void)
{
    first_item = malloc(sizeof(struct item));
    first_item->next = malloc(sizeof(struct item));
    lists[2] = calloc(1, sizeof(struct list));
    lists[2]->tail = malloc(sizeof(struct node));
}

static void result(struct node **out)
{
    *out = malloc(sizeof(struct node));
    memset(*out, 0, sizeof(**out));
    (*out)->table = malloc(ITEMS * sizeof(struct node *));
    for (int i = 0; i < ITEMS; i++) {
        (*out)->table[i] = malloc(sizeof(struct node));
    }
}

int main(void)
{
    struct list list;
    struct node *node;

    memset(&list, 0, sizeof(list));
    fields(&list);
    arrays(&list);
    globals();
    result(&node);
    return list.count != 0 || node == NULL;
}
