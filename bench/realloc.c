/* SPDX-License-Identifier: MIT */
/*
 * realloc: arrays that grow. An operation is one realloc; the malloc and the free of an array count
 * as one, too. Each new page of an array is written, as by a program that fills it.
 *
 * steps: one array at a time, by 16 bytes from 16 to 400. doubles: one at a time, doubled from 64
 * bytes to 1 MiB. grow: a random one of the live arrays grows by half, from 16 bytes, and starts
 * again beyond 64 KiB. sizes: a random one of the live arrays gets a random size from 16 to 2,000
 * bytes.
 */
#include <stdlib.h>

#include "bench.h"

enum {
    LIVE_MAX = 1000,
    STEP_BYTES = 16,
    STEPS_BYTES_MAX = 400,
    DOUBLES_BYTES_MIN = 64,
    DOUBLES_BYTES_MAX = 1 << 20,
    GROW_BYTES_MIN = 16,
    GROW_BYTES_MAX = 64 << 10,
    SIZES_BYTES_MIN = 16,
    SIZES_BYTES_MAX = 2000,
};

static struct {
    char *block;
    size_t bytes;
} arrays[LIVE_MAX];

static size_t array_count;
static uint64_t random_state = 0x9e3779b97f4a7c15u;

static char *resize(char *block, size_t old_bytes, size_t bytes)
{
    block = realloc(block, bytes);
    bench_touch(block, bytes);
    bench_touch_pages(block, old_bytes, bytes);
    return block;
}

void bench_realloc_steps(size_t operations)
{
    for (size_t done = 0; done < operations;) {
        char *block = NULL;

        for (size_t bytes = STEP_BYTES; bytes <= STEPS_BYTES_MAX; bytes += STEP_BYTES) {
            block = resize(block, 0, bytes);
            done++;
        }
        free(block);
    }
}

void bench_realloc_doubles(size_t operations)
{
    for (size_t done = 0; done < operations;) {
        char *block = NULL;

        for (size_t bytes = DOUBLES_BYTES_MIN; bytes <= DOUBLES_BYTES_MAX; bytes *= 2) {
            block = resize(block, bytes / 2, bytes);
            done++;
        }
        free(block);
    }
}

static void set_size(size_t i, size_t bytes)
{
    arrays[i].block = resize(arrays[i].block, arrays[i].bytes, bytes);
    arrays[i].bytes = bytes;
}

void bench_realloc_setup(size_t live)
{
    array_count = live;
    for (size_t i = 0; i < live; i++) {
        set_size(i, GROW_BYTES_MIN);
    }
}

void bench_realloc_grow(size_t operations)
{
    for (size_t done = 0; done < operations; done++) {
        size_t i = bench_below((uint32_t) bench_random_next(&random_state), array_count);
        size_t bytes = (arrays[i].bytes + arrays[i].bytes / 2 + 7) & ~(size_t) 7;

        if (bytes > GROW_BYTES_MAX) {
            free(arrays[i].block);
            arrays[i].block = NULL;
            arrays[i].bytes = 0;
            bytes = GROW_BYTES_MIN;
        }
        set_size(i, bytes);
    }
}

void bench_realloc_sizes(size_t operations)
{
    for (size_t done = 0; done < operations; done++) {
        uint64_t random = bench_random_next(&random_state);

        set_size(bench_below((uint32_t) (random >> 32), array_count),
                 SIZES_BYTES_MIN +
                     bench_below((uint32_t) random, SIZES_BYTES_MAX - SIZES_BYTES_MIN + 1));
    }
}

void bench_realloc_teardown(void)
{
    for (size_t i = 0; i < array_count; i++) {
        free(arrays[i].block);
    }
}
