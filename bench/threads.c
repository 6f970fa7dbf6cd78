/* SPDX-License-Identifier: MIT */
/*
 * threads: workloads of two threads, the main thread and a partner that runs from setup to
 * teardown. A barrier starts both in each repetition, which ends when both are done. Each thread is
 * bound to its own processor: otherwise the kernel sometimes runs both on one, and no object
 * crosses between cores.
 *
 * prodcons: the partner allocates objects and passes them through a ring to the main thread, which
 * frees them. two_threads: each thread replaces random objects in its own live set; one operation
 * is one of each thread.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "alloc.h"
#include "bench.h"

enum {
    LINE_BYTES = 64,
    RING_SLOTS = 1024,
    SPINS = 200, /* then yields, in case both threads share a processor */
    SET_MAX = 10000,
};

/* ---- The partner ---------------------------------------------------------------------------- */

static pthread_t partner;
static pthread_barrier_t barrier;
static void (*partner_work)(size_t operations);
static size_t partner_operations; /* 0: end. Written before the barrier, read after it */

static void *partner_main(void *arg)
{
    for (;;) {
        pthread_barrier_wait(&barrier);
        if (partner_operations == 0) {
            return arg;
        }
        partner_work(partner_operations);
        pthread_barrier_wait(&barrier);
    }
}

/* Removes the lowest processor from *from, if there is one, and binds the thread to it. */
static void bind_to_lowest(pthread_t thread, cpu_set_t *from)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, from)) {
            cpu_set_t one;

            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            CPU_CLR(cpu, from);
            pthread_setaffinity_np(thread, sizeof(one), &one);
            return;
        }
    }
}

static void partner_start(void (*work)(size_t operations))
{
    cpu_set_t allowed;

    partner_work = work;
    if (pthread_barrier_init(&barrier, NULL, 2) != 0 ||
        pthread_create(&partner, NULL, partner_main, NULL) != 0) {
        bench_fail("cannot start a thread");
    }
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof(allowed), &allowed);
    if (CPU_COUNT(&allowed) >= 2) {
        bind_to_lowest(pthread_self(), &allowed);
        bind_to_lowest(partner, &allowed);
    }
}

/* Runs the partner's work and, at the same time, own. Returns when both are done. */
static void partner_run(void (*own_work)(size_t operations), size_t operations)
{
    partner_operations = operations;
    pthread_barrier_wait(&barrier);
    own_work(operations);
    pthread_barrier_wait(&barrier);
}

void bench_threads_teardown(void)
{
    partner_operations = 0;
    pthread_barrier_wait(&barrier);
    pthread_join(partner, NULL);
    pthread_barrier_destroy(&barrier);
}

/* ---- Producer and consumer ------------------------------------------------------------------ */

/* One producer, one consumer. Each side keeps its last copy of the other's index, and reads it
 * again only when the ring seems full or empty, so the indices seldom change cores. A producer that
 * finds the ring full waits until a quarter is free: if it waited for one slot, both threads would
 * wait for each other all the time, and the figure would be that of the ring. */
static struct {
    _Alignas(LINE_BYTES) _Atomic(size_t) put;   /* written by the producer */
    size_t taken_seen;                          /* producer only */
    _Alignas(LINE_BYTES) _Atomic(size_t) taken; /* written by the consumer */
    size_t put_seen;                            /* consumer only */
    _Alignas(LINE_BYTES) void *slots[RING_SLOTS];
} ring;

static bool consumer_reads;
static uint64_t consumer_sum;

static void pause_or_yield(unsigned *spins)
{
    if (++*spins >= SPINS) {
        *spins = 0;
        sched_yield();
    }
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Waits until *index, which the other thread increases, is at least `least`. Returns it. */
static size_t wait_for(_Atomic(size_t) *index, size_t least)
{
    unsigned spins = 0;
    size_t now = atomic_load_explicit(index, memory_order_acquire);

    while (now < least) {
        pause_or_yield(&spins);
        now = atomic_load_explicit(index, memory_order_acquire);
    }
    return now;
}

static void ring_put(void *p)
{
    size_t put = atomic_load_explicit(&ring.put, memory_order_relaxed);

    if (put - ring.taken_seen == RING_SLOTS) {
        ring.taken_seen = wait_for(&ring.taken, put - RING_SLOTS + RING_SLOTS / 4);
    }
    ring.slots[put % RING_SLOTS] = p;
    atomic_store_explicit(&ring.put, put + 1, memory_order_release);
}

static void *ring_take(void)
{
    size_t taken = atomic_load_explicit(&ring.taken, memory_order_relaxed);

    if (taken == ring.put_seen) {
        ring.put_seen = wait_for(&ring.put, taken + 1);
    }
    void *p = ring.slots[taken % RING_SLOTS];

    atomic_store_explicit(&ring.taken, taken + 1, memory_order_release);
    return p;
}

static void produce(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        ring_put(bench_touch(BENCH_ALLOC(struct bench_56), i));
    }
}

static void consume(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        BENCH_FREE(ring_take());
    }
}

static void consume_and_read(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        struct bench_56 *object = ring_take();

        consumer_sum += object->word[0];
        BENCH_FREE(object);
    }
}

void bench_prodcons_setup(size_t live)
{
    (void) live;
    consumer_reads = false;
    partner_start(produce);
}

void bench_prodcons_read_setup(size_t live)
{
    bench_prodcons_setup(live);
    consumer_reads = true;
}

void bench_prodcons(size_t operations)
{
    uint64_t expected = consumer_sum + (uint64_t) operations * (operations - 1) / 2;

    if (!consumer_reads) {
        partner_run(consume, operations);
        return;
    }
    partner_run(consume_and_read, operations);
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
    partner_start(churn_partner);
}

void bench_two_threads(size_t operations)
{
    partner_run(churn_own, operations);
}

void bench_two_threads_teardown(void)
{
    bench_threads_teardown();
    bench_churn_empty(&own_set);
    bench_churn_empty(&partner_set);
}
