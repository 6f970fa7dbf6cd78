/* SPDX-License-Identifier: MIT */
/* The result is stored in a global or static variable. */
#include <stdlib.h>

#include "keep.h"

struct config {
    int verbose;
    char *path;
    struct config *parent;
};

struct cache {
    long hits, misses;
    void *entries[6];
};

struct config *settings;
static struct cache *cache;
struct cache *caches[4];
static struct {
    struct config *first;
    long count;
} state;

NOT_INLINED static void set_up(size_t i)
{
    settings = malloc(sizeof(struct config)); /* type: struct config */
    cache = calloc(1, 64);                    /* type: struct cache */
    caches[i] = malloc(64);                   /* type: struct cache */
    caches[2] = malloc(number(64));           /* type: struct cache */
    state.first = malloc(number(24));         /* type: struct config */
    settings->path = malloc(number(10));      /* type: char[] */
}

int main(void)
{
    set_up(1);
    keep(settings);
    keep(cache);
    keep(caches);
    keep(&state);
    return (int) state.count;
}
