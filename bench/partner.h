/* SPDX-License-Identifier: MIT */
/*
 * partner: a second thread for workloads of two threads, and a ring through which one thread passes
 * objects to another.
 *
 * The partner runs from setup to teardown. A barrier starts both threads in each run, which ends when
 * both are done. Each thread is bound to its own processor: otherwise the kernel sometimes runs both
 * on one, and no object crosses between cores.
 */
#ifndef BENCH_PARTNER_H
#define BENCH_PARTNER_H

#include <stdatomic.h>
#include <stddef.h>

/* Starts the partner. Its part of each run is work. */
void bench_partner_start(void (*work)(size_t operations));

/* Runs the partner's work and, at the same time, own_work in the calling thread. Returns when both
 * are done. Does nothing when operations is 0. */
void bench_partner_run(void (*own_work)(size_t operations), size_t operations);

/* Ends the partner and waits until it has ended. */
void bench_partner_stop(void);

enum {
    BENCH_LINE_BYTES = 64,
    BENCH_RING_SLOTS = 1024,
};

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

/* Removes the oldest object; waits for one. */
void *bench_ring_take(struct bench_ring *ring);

#endif
