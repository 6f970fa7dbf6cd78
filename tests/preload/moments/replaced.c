/* SPDX-License-Identifier: MIT */
/*
 * replaced: a program beside replaces.c, a library that allocates in functions of libc. The drop-in
 * must start although it may call them then, and under none of its locks may it call one at all.
 * The blocks that came from the start are resized, measured and freed like any other.
 */
#include "replaces.h"

#include <malloc.h>
#include <pthread.h>

#include "tests/preload/check.h"

enum { BLOCKS = 20000, THREADS = 4 };

static void *work(void *unused)
{
    static __thread void *block[BLOCKS];

    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = malloc(i % 3000 + 1);
        CHECK(block[i] != NULL);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(block[i]);
    }
    return unused;
}

static void check_early_block(const struct replaces_block *early)
{
    unsigned char *byte = early->block;

    CHECK(malloc_usable_size(byte) >= early->bytes);
    byte = realloc(byte, 5000);
    CHECK(byte != NULL);
    for (size_t i = 0; i < early->bytes; i++) {
        CHECK_AT(byte[i] == (unsigned char) early->fill, i);
    }
    free(byte);
}

int main(void)
{
    pthread_t thread[THREADS];
    size_t count = 0;

    check_start();
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, work, NULL) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    work(NULL);
    for (struct replaces_block early; (early = replaces_take(count)).block != NULL; count++) {
        check_early_block(&early);
    }
    return 0;
}
