/* SPDX-License-Identifier: MIT */
/* Blocks that are stored in another block that was just allocated. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct entry {
    struct entry *next;
    long key;
    long value;
};

struct table {
    struct entry **buckets;
    struct entry *first;
    char *name;
    size_t count;
};

struct holder {
    long id;
    struct table *table;
};

NOT_INLINED static struct table *make_table(void)
{
    struct table *table = malloc(sizeof(*table)); /* type: struct table */

    table->count = number(4);
    table->buckets = malloc(table->count * sizeof(void *)); /* type: struct entry *[] */
    table->first = malloc(number(24));                      /* type: struct entry */
    memset(table->buckets, 0, table->count * sizeof(void *));
    table->first->next = NULL;
    return table;
}

NOT_INLINED static struct table *make_checked(void)
{
    struct table *table = malloc(sizeof(*table)); /* type: struct table */

    if (table == NULL || (table->first = malloc(number(24))) == NULL) { /* type: struct entry */
        return NULL;
    }
    return table;
}

/* Without a variable for the outer block. */
NOT_INLINED static void attach(struct holder *holder)
{
    holder->table = malloc(sizeof(struct table));    /* type: struct table */
    holder->table->first = malloc(number(24));       /* type: struct entry */
    holder->table->first->next = malloc(number(24)); /* type: struct entry */
}

NOT_INLINED static void push(void *block)
{
    keep(block);
}

/* Through a pointer to anything. */
NOT_INLINED static void *make_any(void)
{
    void *block = malloc(sizeof(struct table)); /* type: struct table */

    ((struct table *) block)->first = malloc(number(24)); /* type: struct entry */
    return block;
}

/* The outer block comes from a function. */
NOT_INLINED static void fill_made(void)
{
    void *any = make_checked();

    ((struct table *) any)->name = NULL;
    ((struct table *) any)->first->next = malloc(number(24)); /* type: struct entry */
    push(any);
}

static inline struct entry *entry_of(long key)
{
    struct entry *entry = malloc(number(24)); /* type: struct entry */

    entry->next = malloc(number(24)); /* type: struct entry */
    entry->next->next = NULL;
    entry->key = key;
    return entry;
}

int main(void)
{
    struct holder holder = {1, NULL};

    attach(&holder);
    keep(&holder), keep(make_table()), keep(make_checked()), keep(make_any());
    keep(entry_of(1));
    fill_made();
    return 0;
}
