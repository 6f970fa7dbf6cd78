/* SPDX-License-Identifier: MIT */
/*
 * order: objects of one family, each freed at once (pair), or a batch that is allocated and then
 * freed last-in-first-out, first-in-first-out, or in a random order that was chosen before.
 */
#include "alloc.h"
#include "bench.h"

enum {
    OBJECTS_MAX = 10000,
};

static void *objects[OBJECTS_MAX];
static uint32_t shuffled[OBJECTS_MAX];
static size_t object_count;

void bench_order_setup(size_t live)
{
    uint64_t random = 0x9e3779b97f4a7c15u;

    object_count = live;
    for (uint32_t i = 0; i < live; i++) {
        uint32_t j = (uint32_t) bench_below((uint32_t) bench_random_next(&random), i + 1);

        shuffled[i] = shuffled[j];
        shuffled[j] = i;
    }
}

void bench_pair(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        BENCH_FREE(bench_touch(BENCH_ALLOC(struct bench_40), i));
    }
}

static void allocate_all(void)
{
    for (size_t i = 0; i < object_count; i++) {
        objects[i] = bench_touch(BENCH_ALLOC(struct bench_40), i);
    }
}

void bench_lifo(size_t operations)
{
    for (size_t done = 0; done < operations; done += object_count) {
        allocate_all();
        for (size_t i = object_count; i > 0; i--) {
            BENCH_FREE(objects[i - 1]);
        }
    }
}

void bench_fifo(size_t operations)
{
    for (size_t done = 0; done < operations; done += object_count) {
        allocate_all();
        for (size_t i = 0; i < object_count; i++) {
            BENCH_FREE(objects[i]);
        }
    }
}

void bench_random(size_t operations)
{
    for (size_t done = 0; done < operations; done += object_count) {
        allocate_all();
        for (size_t i = 0; i < object_count; i++) {
            BENCH_FREE(objects[shuffled[i]]);
        }
    }
}
