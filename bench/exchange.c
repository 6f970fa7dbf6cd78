/* SPDX-License-Identifier: MIT */
/*
 * exchange: two threads that free each other's blocks. Each has a live set of blocks of random
 * sizes, in which it replaces random ones; one operation is one of each thread.
 *
 * larson, after the benchmark of that name: a server whose threads end and leave their sets to their
 * successors. Blocks of 8 to 1,000 bytes; a thread lives for 5,000 operations.
 *
 * handover, after rpmalloc's benchmark: every fourth replaced block is passed to the other thread,
 * which frees it. Blocks of 16 to 8,000 bytes, small ones more often.
 */
#include <pthread.h>

#include "alloc.h"
#include "bench.h"
#include "crew.h"

enum {
    THREADS = 2,
    LIVE_MAX = 1000,
    LARSON_BYTES_MIN = 8,
    LARSON_BYTES_MAX = 1000,
    LIFE_OPERATIONS = 5000,
    HANDOVER_BYTES_MIN = 16,
    HANDOVER_BYTES_MAX = 8000,
    HANDOVER_EVERY = 4,
};

struct exchange_set {
    _Alignas(BENCH_LINE_BYTES) uint64_t random;
    size_t operations; /* of a life */
    void *slots[LIVE_MAX];
};

static struct exchange_set sets[THREADS];
static size_t live_count;

static void start_sets(size_t live)
{
    live_count = live;
    for (size_t i = 0; i < THREADS; i++) {
        sets[i].random = 88172645463325252u + i;
    }
}

static void **any_slot(struct exchange_set *set)
{
    uint32_t random = (uint32_t) (bench_random_next(&set->random) >> 32);

    return &set->slots[bench_below(random, live_count)];
}

void bench_exchange_teardown(void)
{
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t k = 0; k < live_count; k++) {
            BENCH_FREE(sets[i].slots[k]);
        }
    }
}

/* ---- Threads that end ----------------------------------------------------------------------- */

static void *new_larson(uint64_t random)
{
    size_t bytes =
        LARSON_BYTES_MIN + bench_below((uint32_t) random, LARSON_BYTES_MAX - LARSON_BYTES_MIN + 1);

    return bench_touch(BENCH_ALLOC_BYTES(bytes), bytes);
}

static void *live_and_end(void *arg)
{
    struct exchange_set *set = arg;

    for (size_t i = 0; i < set->operations; i++) {
        void **slot = any_slot(set);

        BENCH_FREE(*slot);
        *slot = new_larson(bench_random_next(&set->random));
    }
    return NULL;
}

void bench_larson_setup(size_t live)
{
    start_sets(live);
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t k = 0; k < live; k++) {
            sets[i].slots[k] = new_larson(bench_random_next(&sets[i].random));
        }
    }
}

void bench_larson(size_t operations)
{
    for (size_t done = 0; done < operations; done += LIFE_OPERATIONS) {
        pthread_t threads[THREADS];

        for (size_t i = 0; i < THREADS; i++) {
            sets[i].operations = LIFE_OPERATIONS;
            if (pthread_create(&threads[i], NULL, live_and_end, &sets[i]) != 0) {
                bench_fail("cannot start a thread");
            }
        }
        for (size_t i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
    }
}

/* ---- Blocks that are handed over ------------------------------------------------------------ */

static struct bench_ring rings[THREADS]; /* to each thread */

static void *new_handover(uint64_t random)
{
    /* The product of two random numbers is small more often than large. */
    size_t range = bench_below((uint32_t) random, HANDOVER_BYTES_MAX - HANDOVER_BYTES_MIN + 1);
    size_t bytes = HANDOVER_BYTES_MIN + bench_below((uint32_t) (random >> 32), range + 1);

    return bench_touch(BENCH_ALLOC_BYTES(bytes), bytes);
}

/* Hands a block over; frees it when there is no room. Frees one that the other thread handed over. */
static void hand_over(size_t thread, void *block)
{
    if (block != NULL && !bench_ring_try_put(&rings[1 - thread], block)) {
        BENCH_FREE(block);
    }
    BENCH_FREE(bench_ring_try_take(&rings[thread]));
}

static void replace_and_hand_over(size_t thread, size_t operations)
{
    struct exchange_set *set = &sets[thread];

    for (size_t i = 0; i < operations; i++) {
        void **slot = any_slot(set);

        if (i % HANDOVER_EVERY == 0) {
            hand_over(thread, *slot);
        } else {
            BENCH_FREE(*slot);
        }
        *slot = new_handover(bench_random_next(&set->random));
    }
}

void bench_handover_setup(size_t live)
{
    start_sets(live);
    bench_crew_start(THREADS, replace_and_hand_over);
}

void bench_handover_teardown(void)
{
    bench_crew_stop();
    for (size_t i = 0; i < THREADS; i++) {
        void *block;

        while ((block = bench_ring_try_take(&rings[i])) != NULL) {
            BENCH_FREE(block);
        }
    }
    bench_exchange_teardown();
}
