/* SPDX-License-Identifier: MIT */
/* A table and its blocks, of two stacks but one line; with an argument the blocks are freed. */
#include <stdlib.h>

enum {
    BLOCKS = 1000,
    BYTES = 16,
};

static void *volatile *table;

__attribute__((noinline)) static void *make(size_t bytes)
{
    return malloc(bytes); /* MARK make */
}

int main(int count, char **words)
{
    (void) words;
    table = make(BLOCKS * sizeof(*table));
    for (int i = 0; i < BLOCKS; i++) {
        table[i] = make(BYTES);
    }
    for (int i = 0; i < BLOCKS && count > 1; i++) {
        free(table[i]);
    }
    return 0;
}
