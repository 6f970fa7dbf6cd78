/* SPDX-License-Identifier: MIT */
/* Aligned blocks. */
#include <malloc.h>
#include <stdlib.h>

#include "keep.h"

struct line {
    _Alignas(64) long words[8];
};

struct table {
    struct line *lines;
    long count;
};

int main(void)
{
    struct line *a = aligned_alloc(64, sizeof(struct line)); /* type: struct line */
    struct line *b = memalign(64, 4 * sizeof(*b));           /* type: struct line[] */
    void *c;
    struct table *table = malloc(sizeof(struct table)); /* type: struct table */

    if (posix_memalign(&c, 64, sizeof(struct line)) != 0) { /* type: struct line */
        return 1;
    }
    table->lines = aligned_alloc(64, number(640)); /* type: struct line[] */
    a->words[0] = 1;
    keep(a), keep(b), keep(c), keep(table);
    return 0;
}
