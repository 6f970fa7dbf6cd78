/* SPDX-License-Identifier: MIT */
/* Blocks that posix_memalign() stores where its argument points. */
#include <stdlib.h>

#include "keep.h"

struct line {
    _Alignas(64) long words[8];
};

struct page {
    long number;
    char bytes[248];
};

struct table {
    long count;
    struct line *lines;
    struct page *pages[4];
};

static struct line *shared;

/* Wrappers that return the block. */
NOT_INLINED static void *memory(size_t bytes)
{
    void *block;

    if (posix_memalign(&block, 64, bytes) != 0) { /* type: struct line | struct page */
        return NULL;
    }
    return block;
}

NOT_INLINED static void *logged_memory(size_t bytes)
{
    void *block;
    int error = posix_memalign(&block, 64, bytes); /* type: struct page */

    if (error != 0) {
        keep("posix_memalign failed");
        block = NULL;
    }
    return block;
}

static inline void *inlined_memory(size_t bytes)
{
    void *block = NULL;

    return posix_memalign(&block, 64, bytes) == 0 ? block : NULL; /* type: struct page */
}

/* One that passes its parameter on. */
NOT_INLINED static int outward(struct line **ret_line)
{
    int error = posix_memalign((void **) ret_line, 64, number(64)); /* type: struct line */

    keep(ret_line);
    return error;
}

NOT_INLINED static int fill(struct table *table)
{
    int bad = posix_memalign((void **) &table->lines, 64, number(640)); /* type: struct line[] */

    for (size_t i = 0; i < number(4); i++) {
        bad |= posix_memalign((void **) &table->pages[i], 64, number(256)); /* type: struct page */
    }
    return bad;
}

int main(void)
{
    struct line *one;
    struct line *many;
    struct line *passed;
    void *raw;
    struct table table = {0};

    if (posix_memalign((void **) &one, 64, sizeof(struct line)) != 0 || /* type: struct line */
        outward(&passed) != 0 || fill(&table) != 0) {
        return 1;
    }
    if (posix_memalign((void **) &many, 64, number(192)) != 0) { /* type: struct line[] */
        return 1;
    }
    if (posix_memalign((void **) &shared, 64, number(64)) != 0) { /* type: struct line */
        return 1;
    }
    if (posix_memalign(&raw, 64, number(256)) != 0) { /* type: struct page */
        return 1;
    }
    struct page *cooked = raw;
    struct page *a = memory(number(256));
    struct line *b = memory(number(64));
    struct page *c = logged_memory(number(256));
    struct page *d = inlined_memory(number(256));

    one->words[0] = 1;
    cooked->number = 2;
    keep(one), keep(many), keep(passed), keep(&table), keep(cooked);
    keep(a), keep(b), keep(c), keep(d), keep(shared);
    return 0;
}
