/* SPDX-License-Identifier: MIT */
/* Blocks by way of functions that allocate for their callers. "MARK name" is a line's name. */
#include <stdlib.h>
#include <string.h>

#define APART __attribute__((noinline))

static void *volatile kept[100];
static int count;

static APART void *zmalloc(size_t n)
{
    void *block = malloc(n);

    if (block == NULL) {
        abort();
    }
    memset(block, 0, n);
    return block;
}

static APART void *my_alloc(size_t n)
{
    return memset(zmalloc(n), 1, n);
}

static APART void *CRYPTO_zalloc(size_t n)
{
    return memset(zmalloc(n), 2, n);
}

static APART void *pool_get(size_t n)
{
    return memset(zmalloc(n), 3, n); /* MARK pool */
}

static APART void users(void)
{
    kept[count++] = zmalloc(500);       /* MARK by_rule */
    kept[count++] = my_alloc(700);      /* MARK alloc */
    kept[count++] = CRYPTO_zalloc(300); /* MARK table */
    kept[count++] = pool_get(100);      /* MARK user */
}

int main(void)
{
    users();
    return 0;
}
