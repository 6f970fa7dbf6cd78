/* SPDX-License-Identifier: MIT */
/* own_malloc: a program with a malloc of its own. */
#include <stdlib.h>
#include <string.h>

static _Alignas(16) char pool[1 << 20];
static size_t used;

void *malloc(size_t bytes)
{
    void *block = &pool[used];

    used += (bytes + 15) / 16 * 16;
    return used <= sizeof(pool) ? block : NULL;
}

void free(void *block)
{
    (void) block;
}

void *calloc(size_t count, size_t bytes)
{
    void *block = malloc(count * bytes);

    return block == NULL ? NULL : memset(block, 0, count * bytes);
}

void *realloc(void *block, size_t bytes)
{
    void *moved = malloc(bytes);

    return block == NULL || moved == NULL ? moved : memmove(moved, block, bytes);
}

int main(void)
{
    return malloc(10) == NULL;
}
