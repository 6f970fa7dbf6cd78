/* SPDX-License-Identifier: MIT */
/* memory_types: a plain C program with blocks of known types and numbers, of which some are lost. */
#include <stdio.h>
#include <stdlib.h>

struct node {
    struct node *next;
    long value;
    char text[16];
};

struct table {
    struct node **slots;
    size_t count;
};

static struct table *table;
static struct node *volatile lost;

static struct node *node_new(struct node *next, long value)
{
    struct node *node = malloc(sizeof(*node)); /* MARK node */

    node->next = next;
    node->value = value;
    return node;
}

int main(void)
{
    struct node *list = NULL;

    table = malloc(sizeof(*table)); /* MARK table */
    table->count = 1000;
    table->slots = calloc(table->count, sizeof(*table->slots)); /* MARK slots */
    for (size_t i = 0; i < table->count; i++) {
        list = node_new(list, (long) i);
        table->slots[i] = list;
    }
    for (int i = 0; i < 5; i++) {
        struct node *node = malloc(sizeof(*node)); /* MARK lost */

        node->next = NULL;
        lost = node;
    }
    lost = NULL;
    return fflush(NULL);
}
