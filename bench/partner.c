/* SPDX-License-Identifier: MIT */
#include "partner.h"

#include <pthread.h>
#include <sched.h>

#include "bench.h"

enum {
    SPINS = 200, /* then yields, in case both threads share a processor */
};

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

void bench_partner_start(void (*work)(size_t operations))
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

void bench_partner_run(void (*own_work)(size_t operations), size_t operations)
{
    if (operations == 0) {
        return;
    }
    partner_operations = operations;
    pthread_barrier_wait(&barrier);
    own_work(operations);
    pthread_barrier_wait(&barrier);
}

void bench_partner_stop(void)
{
    partner_operations = 0;
    pthread_barrier_wait(&barrier);
    pthread_join(partner, NULL);
    pthread_barrier_destroy(&barrier);
}

/* ---- The ring ------------------------------------------------------------------------------- */

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

void bench_ring_put(struct bench_ring *ring, void *p)
{
    size_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

    if (put - ring->taken_seen == BENCH_RING_SLOTS) {
        ring->taken_seen = wait_for(&ring->taken, put - BENCH_RING_SLOTS + BENCH_RING_SLOTS / 4);
    }
    ring->slots[put % BENCH_RING_SLOTS] = p;
    atomic_store_explicit(&ring->put, put + 1, memory_order_release);
}

void *bench_ring_take(struct bench_ring *ring)
{
    size_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

    if (taken == ring->put_seen) {
        ring->put_seen = wait_for(&ring->put, taken + 1);
    }
    void *p = ring->slots[taken % BENCH_RING_SLOTS];

    atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
    return p;
}
