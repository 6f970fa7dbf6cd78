/* SPDX-License-Identifier: MIT */
/* Chunks from which others are cut. */
#include <stdlib.h>

#include "keep.h"

struct chunk {
    struct chunk *next;
    size_t used, room;
};

struct arena {
    struct chunk *chunks;
    char *free, *end;
};

struct leaf {
    long a, b, c;
};

NOT_INLINED static void *cut(struct arena *arena, size_t size)
{
    if ((size_t) (arena->end - arena->free) < size) {
        struct chunk *chunk = malloc(sizeof(struct chunk) + 4096); /* type: struct chunk */

        chunk->next = arena->chunks;
        arena->chunks = chunk;
        arena->free = (char *) (chunk + 1);
        arena->end = arena->free + 4096;
    }
    void *p = arena->free;
    arena->free += size;
    return p;
}

static char *plain_free;
static char *plain_end;

NOT_INLINED static void *cut_plain(size_t size)
{
    if ((size_t) (plain_end - plain_free) < size) {
        plain_free = malloc(8192); /* type: char[] */
        plain_end = plain_free + 8192;
    }
    void *p = plain_free;
    plain_free += size;
    return p;
}

int main(void)
{
    struct arena *arena = calloc(1, sizeof(struct arena)); /* type: struct arena */

    for (int i = 0; i < 300; i++) {
        struct leaf *leaf = cut(arena, sizeof(*leaf));
        struct leaf *other = cut_plain(sizeof(*other));

        leaf->a = i;
        other->b = i;
    }
    keep(arena);
    return 0;
}
