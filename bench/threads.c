/* SPDX-License-Identifier: MIT */
/*
 * threads: workloads of several threads (crew.h).
 *
 * prodcons: one thread allocates objects and passes them through a ring to another, which frees
 * them. own_sets: each thread replaces random objects in its own live set; one operation is one of
 * each thread. idle: the main thread replaces random objects in its live set while other threads,
 * which have a set each, do nothing.
 */
#include "alloc.h"
#include "bench.h"
#include "crew.h"

/* ---- Producer and consumer ------------------------------------------------------------------ */

static struct bench_ring ring;
static uint64_t consumer_sum;

static void produce(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        bench_ring_put(&ring, bench_touch(BENCH_ALLOC(struct bench_56), i));
    }
}

static void produce_or_free(size_t thread, size_t operations)
{
    if (thread != 0) {
        produce(operations);
        return;
    }
    for (size_t i = 0; i < operations; i++) {
        BENCH_FREE(bench_ring_take(&ring));
    }
}

static void produce_or_read(size_t thread, size_t operations)
{
    if (thread != 0) {
        produce(operations);
        return;
    }
    for (size_t i = 0; i < operations; i++) {
        struct bench_56 *object = bench_ring_take(&ring);

        consumer_sum += object->word[0];
        BENCH_FREE(object);
    }
}

void bench_prodcons_setup(size_t live)
{
    (void) live;
    bench_crew_start(2, produce_or_free);
}

void bench_prodcons_read_setup(size_t live)
{
    (void) live;
    bench_crew_start(2, produce_or_read);
}

void bench_prodcons_read(size_t operations)
{
    uint64_t expected = consumer_sum + (uint64_t) operations * (operations - 1) / 2;

    bench_crew_run(operations);
    if (operations != 0 && consumer_sum != expected) {
        bench_fail("the consumer read something else than what the producer wrote");
    }
}

/* ---- Sets of threads ------------------------------------------------------------------------ */

enum {
    SET_OBJECTS = 1000,
    IDLE_OBJECTS = 104,
};

static struct {
    _Alignas(BENCH_LINE_BYTES) void *slots[SET_OBJECTS]; /* no line is of two threads */
    struct bench_set set;
} sets[BENCH_CREW_MAX];

static size_t set_count;

/* A thread fills its set itself, in its first run: the objects must be of its heap. */
static void fill_own(size_t thread, size_t objects)
{
    struct bench_set *set = &sets[thread].set;

    set->slots = sets[thread].slots;
    set->live = objects;
    set->random = 88172645463325252u + thread;
    bench_churn_fill(set);
}

static void churn_own(size_t thread, size_t operations)
{
    if (sets[thread].set.live == 0) {
        fill_own(thread, SET_OBJECTS);
    }
    bench_churn_replace(&sets[thread].set, operations);
}

void bench_own_sets_setup(size_t threads)
{
    set_count = threads;
    bench_crew_start(threads, churn_own);
}

void bench_sets_teardown(void)
{
    bench_crew_stop();
    for (size_t i = 0; i < set_count; i++) {
        bench_churn_empty(&sets[i].set);
    }
}

static void fill_idle(size_t thread, size_t operations)
{
    (void) operations;
    fill_own(thread, thread == 0 ? SET_OBJECTS : IDLE_OBJECTS);
}

void bench_idle_setup(size_t threads)
{
    set_count = threads + 1;
    bench_crew_start(set_count, fill_idle);
    bench_crew_run(1);
}

void bench_idle(size_t operations)
{
    bench_churn_replace(&sets[0].set, operations);
}
