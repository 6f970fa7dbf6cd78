/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <pthread.h>
#include <sched.h>

#include "bench.h"

static struct {
    pthread_t thread[BENCH_CREW_MAX];
    size_t count;
    pthread_barrier_t barrier;
    void (*work)(size_t thread, size_t operations);
    size_t operations; /* 0: end. Written before the barrier, read after it */
    bool has_one_processor;
} crew;

static void *thread_main(void *arg)
{
    size_t thread = (size_t) (uintptr_t) arg;

    for (;;) {
        pthread_barrier_wait(&crew.barrier);
        if (crew.operations == 0) {
            return NULL;
        }
        crew.work(thread, crew.operations);
        pthread_barrier_wait(&crew.barrier);
    }
}

/* The next allowed processor after a processor, or the first one. */
static int next_processor(const cpu_set_t *allowed, int processor)
{
    do {
        processor = (processor + 1) % CPU_SETSIZE;
    } while (!CPU_ISSET(processor, allowed));
    return processor;
}

static void bind_all(void)
{
    cpu_set_t allowed;
    int processor = -1;

    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return;
    }
    crew.has_one_processor = CPU_COUNT(&allowed) == 1;
    for (size_t i = 0; i < crew.count; i++) {
        cpu_set_t one;

        processor = next_processor(&allowed, processor);
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        pthread_setaffinity_np(crew.thread[i], sizeof(one), &one);
    }
}

void bench_crew_start(size_t count, void (*work)(size_t thread, size_t operations))
{
    bool is_started = pthread_barrier_init(&crew.barrier, NULL, (unsigned) count) == 0;

    crew.count = count;
    crew.work = work;
    crew.thread[0] = pthread_self();
    for (size_t i = 1; is_started && i < count; i++) {
        is_started = pthread_create(&crew.thread[i], NULL, thread_main, (void *) i) == 0;
    }
    if (!is_started) {
        bench_fail("cannot start a thread");
    }
    bind_all();
}

void bench_crew_run(size_t operations)
{
    if (operations == 0) {
        return;
    }
    crew.operations = operations;
    pthread_barrier_wait(&crew.barrier);
    crew.work(0, operations);
    pthread_barrier_wait(&crew.barrier);
}

void bench_crew_stop(void)
{
    crew.operations = 0;
    pthread_barrier_wait(&crew.barrier);
    for (size_t i = 1; i < crew.count; i++) {
        pthread_join(crew.thread[i], NULL);
    }
    pthread_barrier_destroy(&crew.barrier);
}

/* ---- The ring ------------------------------------------------------------------------------- */

/* Gives the processor up only if the other thread needs it: other programs could keep it for long. */
static void relax(void)
{
    if (crew.has_one_processor) {
        sched_yield();
    }
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Waits until *index, which the other thread increases, is at least `least`. Returns it. */
static size_t wait_for(_Atomic(size_t) *index, size_t least)
{
    size_t now = atomic_load_explicit(index, memory_order_acquire);

    while (now < least) {
        relax();
        now = atomic_load_explicit(index, memory_order_acquire);
    }
    return now;
}

/* Whether the ring has room. Reads the consumer's index again when it seems full. */
static bool has_room(struct bench_ring *ring, size_t put)
{
    if (put - ring->taken_seen == BENCH_RING_SLOTS) {
        ring->taken_seen = atomic_load_explicit(&ring->taken, memory_order_acquire);
    }
    return put - ring->taken_seen < BENCH_RING_SLOTS;
}

bool bench_ring_try_put(struct bench_ring *ring, void *p)
{
    size_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

    if (!has_room(ring, put)) {
        return false;
    }
    ring->slots[put % BENCH_RING_SLOTS] = p;
    atomic_store_explicit(&ring->put, put + 1, memory_order_release);
    return true;
}

void bench_ring_put(struct bench_ring *ring, void *p)
{
    while (!bench_ring_try_put(ring, p)) {
        size_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

        ring->taken_seen = wait_for(&ring->taken, put - BENCH_RING_SLOTS + BENCH_RING_SLOTS / 4);
    }
}

/* Whether the ring has an object. Reads the producer's index again when it seems empty. */
static bool has_object(struct bench_ring *ring, size_t taken)
{
    if (taken == ring->put_seen) {
        ring->put_seen = atomic_load_explicit(&ring->put, memory_order_acquire);
    }
    return taken != ring->put_seen;
}

void *bench_ring_try_take(struct bench_ring *ring)
{
    size_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

    if (!has_object(ring, taken)) {
        return NULL;
    }
    void *p = ring->slots[taken % BENCH_RING_SLOTS];

    atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
    return p;
}

void *bench_ring_take(struct bench_ring *ring)
{
    void *p = bench_ring_try_take(ring);

    while (p == NULL) {
        relax();
        p = bench_ring_try_take(ring);
    }
    return p;
}
