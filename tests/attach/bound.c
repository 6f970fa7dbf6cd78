/* SPDX-License-Identifier: MIT */
/* bound THREADS: threads that allocate, resize and free all the time, never wait, and check what their blocks hold. SIGTERM
 * ends the program, with status 7; damage, with a line. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/random.h"

enum { BLOCKS = 1000, BYTES_MAX = 2000, THREADS_MAX = 16, STEP = 97, STATUS = 7 };

static bool is_over; /* atomic */

static void on_signal(int number)
{
    (void) number;
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
}

struct block {
    unsigned char *bytes;
    size_t count;
};

static void check(const struct block *block, size_t i, size_t count)
{
    for (size_t k = 0; block->bytes != NULL && k < count; k += STEP) {
        if (block->bytes[k] != (unsigned char) (i ^ k)) {
            fprintf(stderr, "block %zu is damaged at %zu of %zu\n", i, k, block->count);
            abort();
        }
    }
}

static void *allocate(size_t bytes, uint64_t kind)
{
    void *block = NULL;

    switch (kind % 5) {
    case 0: return calloc(1, bytes);
    case 1: return aligned_alloc(64, (bytes + 63) / 64 * 64);
    case 2: return posix_memalign(&block, 256, bytes) == 0 ? block : NULL;
    default: return malloc(bytes);
    }
}

static void replace(struct block *block, size_t i, uint64_t random)
{
    size_t bytes = (random >> 8) % BYTES_MAX + 1;

    check(block, i, block->count);
    if (random % 5 == 0) {
        block->bytes = realloc(block->bytes, bytes);
        check(block, i, bytes < block->count ? bytes : block->count);
    } else {
        free(block->bytes);
        block->bytes = allocate(bytes, random >> 4);
    }
    if (block->bytes == NULL) {
        abort();
    }
    block->count = bytes;
    for (size_t k = 0; k < bytes; k += STEP) {
        block->bytes[k] = (unsigned char) (i ^ k);
    }
}

static void *work(void *seed)
{
    struct block blocks[BLOCKS] = {{NULL, 0}};
    uint64_t random = (uintptr_t) seed * 7919 + 1;

    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        uint64_t next = random_next(&random);
        size_t i = (next >> 40) % BLOCKS;
        replace(&blocks[i], i, next);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        check(&blocks[i], i, blocks[i].count);
        free(blocks[i].bytes);
    }
    return NULL;
}

int main(int argc, char *argv[])
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
    pthread_t threads[THREADS_MAX];

    signal(SIGTERM, on_signal);
    for (size_t i = 1; i < count; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *) i) != 0) {
            abort();
        }
    }
    puts("ready");
    fflush(stdout);
    work(NULL);
    for (size_t i = 1; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    return STATUS;
}
