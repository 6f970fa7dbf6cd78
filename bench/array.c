/* SPDX-License-Identifier: MIT */
/*
 * array: a live set of arrays of 2 to 64 structs of 24 bytes; an operation frees a random one and
 * allocates another of random length in its place.
 */
#include "alloc.h"
#include "bench.h"

enum {
    LIVE_MAX = 1000,
    SHORTEST = 2,
    LONGEST = 64,
};

static void *arrays[LIVE_MAX];
static size_t array_count;
static uint64_t random_state = 0x9e3779b97f4a7c15u;

static void *new_array(uint32_t random)
{
    size_t n = SHORTEST + bench_below(random, LONGEST - SHORTEST + 1);

    return bench_touch(BENCH_ALLOC_ARRAY(struct bench_24, n), n);
}

void bench_array_setup(size_t live)
{
    array_count = live;
    for (size_t i = 0; i < live; i++) {
        arrays[i] = new_array((uint32_t) bench_random_next(&random_state));
    }
}

void bench_array(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        uint64_t random = bench_random_next(&random_state);
        void **slot = &arrays[bench_below((uint32_t) (random >> 32), array_count)];

        BENCH_FREE(*slot);
        *slot = new_array((uint32_t) random);
    }
}

void bench_array_teardown(void)
{
    for (size_t i = 0; i < array_count; i++) {
        BENCH_FREE(arrays[i]);
    }
}
