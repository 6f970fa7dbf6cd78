/* SPDX-License-Identifier: MIT */
/* Containers of void *. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct map_entry {
    struct map_entry *next;
    char *key;
    void *value;
};

struct map {
    struct map_entry *buckets[16];
    size_t count;
};

struct account {
    long number;
    double balance;
    char *owner;
};

struct stack {
    void **items;
    size_t count, room;
};

NOT_INLINED static void map_put(struct map *map, const char *key, void *value)
{
    struct map_entry *entry = malloc(sizeof(*entry)); /* type: struct map_entry */
    size_t bucket = strlen(key) % 16;

    entry->key = strdup(key); /* type: char[] */
    entry->value = value;
    entry->next = map->buckets[bucket];
    map->buckets[bucket] = entry;
    map->count++;
}

NOT_INLINED static void *push(struct stack *stack, void *item)
{
    if (stack->count == stack->room) {
        stack->room = stack->room * 2 + 4;
        stack->items = realloc(stack->items, stack->room * sizeof(void *)); /* type: void *[] */
    }
    return stack->items[stack->count++] = item;
}

int main(void)
{
    struct map *map = calloc(1, sizeof(*map)); /* type: struct map */
    static struct stack stack;
    struct account *account = malloc(sizeof(struct account)); /* type: struct account */

    account->number = 1;
    map_put(map, "one", account);
    map_put(map, "two", malloc(sizeof(struct account))); /* type: struct account */
    map_put(map, "three", malloc(number(24)));           /* type: none */
    push(&stack, malloc(number(24)));                    /* type: none */
    push(&stack, strdup("text"));                        /* type: char[] */
    account = push(&stack, malloc(number(24)));          /* type: none | struct account */
    account->balance = 3;
    keep(map), keep(&stack);
    return 0;
}
