/* SPDX-License-Identifier: MIT */
/*
 * crew: the threads of a workload, and a ring through which one thread passes objects to another.
 *
 * Thread 0 is the thread that calls these functions; the others run from start to stop. A barrier
 * starts all of them in each run, which ends when all are done. Each thread is bound to a processor,
 * in turn: otherwise the kernel sometimes runs two on one, and no object crosses between cores.
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    BENCH_CREW_MAX = 128,
    BENCH_LINE_BYTES = 64,
    BENCH_RING_SLOTS = 1024,
};

/* Starts the threads 1 to count - 1. The part of each thread in a run is work. */
void bench_crew_start(size_t count, void (*work)(size_t thread, size_t operations));

/* Runs work in all threads. Returns when all are done. Does nothing when operations is 0. */
void bench_crew_run(size_t operations);

/* Ends the threads and waits until they have ended. */
void bench_crew_stop(void);

/* For one producer and one consumer. Each side keeps its last copy of the other's index, and reads
 * it again only when the ring seems full or empty, so the indices seldom change cores. */
struct bench_ring {
    _Alignas(BENCH_LINE_BYTES) _Atomic(size_t) put;   /* written by the producer */
    size_t taken_seen;                                /* producer only */
    _Alignas(BENCH_LINE_BYTES) _Atomic(size_t) taken; /* written by the consumer */
    size_t put_seen;                                  /* consumer only */
    _Alignas(BENCH_LINE_BYTES) void *slots[BENCH_RING_SLOTS];
};

/* Appends p. A producer that finds the ring full waits until a quarter of it is free: if it waited
 * for one slot, both threads would wait for each other all the time, and the figure would be that of
 * the ring. */
void bench_ring_put(struct bench_ring *ring, void *p);

/* Appends p, or returns false when the ring is full. */
bool bench_ring_try_put(struct bench_ring *ring, void *p);

/* Removes the oldest object; waits for one. */
void *bench_ring_take(struct bench_ring *ring);

/* Removes the oldest object; NULL when there is none. */
void *bench_ring_try_take(struct bench_ring *ring);

#endif
