/* SPDX-License-Identifier: MIT */
/*
 * threads: workloads of two threads, the main thread and a partner (partner.h).
 *
 * prodcons: the partner allocates objects and passes them through a ring to the main thread, which
 * frees them. two_threads: each thread replaces random objects in its own live set; one operation
 * is one of each thread.
 */
#include <stdbool.h>

#include "alloc.h"
#include "bench.h"
#include "partner.h"

enum {
    SET_MAX = 1000,
};

/* ---- Producer and consumer ------------------------------------------------------------------ */

static struct bench_ring ring;
static bool consumer_reads;
static uint64_t consumer_sum;

static void produce(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        bench_ring_put(&ring, bench_touch(BENCH_ALLOC(struct bench_56), i));
    }
}

static void consume(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        BENCH_FREE(bench_ring_take(&ring));
    }
}

static void consume_and_read(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        struct bench_56 *object = bench_ring_take(&ring);

        consumer_sum += object->word[0];
        BENCH_FREE(object);
    }
}

void bench_prodcons_setup(size_t live)
{
    (void) live;
    consumer_reads = false;
    bench_partner_start(produce);
}

void bench_prodcons_read_setup(size_t live)
{
    bench_prodcons_setup(live);
    consumer_reads = true;
}

void bench_prodcons(size_t operations)
{
    if (!consumer_reads) {
        bench_partner_run(consume, operations);
        return;
    }
    uint64_t expected = consumer_sum;

    for (size_t i = 0; i < operations; i++) {
        expected += i;
    }
    bench_partner_run(consume_and_read, operations);
    if (consumer_sum != expected) {
        bench_fail("the consumer read something else than what the producer wrote");
    }
}

/* ---- Two threads with their own sets -------------------------------------------------------- */

static void *own_slots[SET_MAX];
static void *partner_slots[SET_MAX];
static struct bench_set own_set;
static struct bench_set partner_set;

/* The partner fills its set itself, in its first run: the objects must be of its heap. */
static void churn_partner(size_t operations)
{
    if (partner_set.slots[0] == NULL) {
        bench_churn_fill(&partner_set);
    }
    bench_churn_replace(&partner_set, operations);
}

static void churn_own(size_t operations)
{
    bench_churn_replace(&own_set, operations);
}

void bench_two_threads_setup(size_t live)
{
    own_set = (struct bench_set) {.slots = own_slots, .live = live, .random = 88172645463325252u};
    partner_set = (struct bench_set) {.slots = partner_slots, .live = live, .random = 362436069u};
    bench_churn_fill(&own_set);
    bench_partner_start(churn_partner);
}

void bench_two_threads(size_t operations)
{
    bench_partner_run(churn_own, operations);
}

void bench_two_threads_teardown(void)
{
    bench_partner_stop();
    bench_churn_empty(&own_set);
    bench_churn_empty(&partner_set);
}
