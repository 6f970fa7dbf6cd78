/* SPDX-License-Identifier: MIT */
/*
 * thread: which thread has which heap.
 *
 * Owns the list of heaps. A thread gets a heap in its first slow path: a parked one. If none is parked,
 * it works on one heap that threads share, the shared heap, under a lock, for its first
 * LMM_THREAD_SHARED_CALLS calls, and then gets a new one. So a thread that allocates little needs no
 * memory for a heap, whose first pages and records take 60 KiB; the lock costs less than these page
 * faults. A thread parks its heap when it ends, in the last but one round of its keys' destructors. A
 * thread that has done so, or for which there is no memory, works on the shared heap, too.
 *
 * Invariants: I1 a heap is used by the thread whose TLS names it, or is parked, or is the shared
 * heap.
 * I2 heaps are never freed; their number is bounded by the most threads there were at once.
 * I3 the cached runs of parked heaps are the sum of their `parked_bytes`, at most LMM_PARKED_BYTES
 * (checked when a heap is parked and adopted).
 * Locks: HEAPS for the list, SHARED for the shared heap. Not responsible for: fork, LMM's start.
 */
#ifndef LMM_THREAD_H
#define LMM_THREAD_H

#include "lib/ground/base.h"
#include "lib/heaps/heap.h"

enum {
    LMM_PARKED_BYTES = 16 * LMM_UNIT_BYTES, /* the most that parked heaps have in caches */
    LMM_THREAD_SHARED_CALLS = 128,
};

/* LMM_THREAD_SHARED_CALLS; tests set it before they start threads. 0: each thread gets a heap at once. */
extern unsigned lmm_thread_shared_calls;

/* This thread's view of its heap; zero while it has none. Its site_limit is 0 while tools are
 * active, which sends every call down the slow path. */
extern _Thread_local struct lmm_open lmm_thread_open
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* HEAPS: the list of heaps, parking and adopting. */
extern struct lmm_lock lmm_heaps_lock;

/* SHARED: the shared heap. */
extern struct lmm_lock lmm_shared_heap_lock;

/* Creates the key by which a thread's end is noticed, and the shared heap, unless they exist.
 * settle_child: as lmm_fork_settle_child(). The caller holds HEAPS. False with errno ENOMEM or
 * EAGAIN. */
bool lmm_thread_prepare_locked(void (*settle_child)(void));

/* 0 in a child process until it is settled, whatever made it: where the kernel can (Linux 4.14), the
 * word is in memory that a child finds zeroed. The pointer changes once, while LMM starts. */
extern uint32_t *lmm_thread_settled __attribute__((visibility("hidden")));

/* Whether the process has its own books: false in a forked child that is not settled yet. Any
 * thread; acquire. */
static inline bool lmm_thread_is_settled(void)
{
    return LMM_LIKELY(lmm_load_acquire(lmm_load_constant(&lmm_thread_settled)) == 1);
}

/* Makes this process, a forked child with one thread, unsettled. False when LMM has not started. */
bool lmm_thread_unsettle(void);

/* Settles a forked child, once; lmm_thread_enter() does it, too. Call it, with no lock held, before
 * a reader of the books or of the pages. Preserves errno. */
void lmm_thread_settle(void);

/* Whether no other thread has ever had a heap. Any thread; relaxed. */
bool lmm_thread_is_alone(void);

/* The first heap of the list, which goes on by `next`. Any thread: heaps are added at its front, under
 * HEAPS, and stay. */
struct lmm_heap *lmm_thread_heaps(void);

/* Makes a heap whose thread is gone free for the next thread, with its cached runs if there is room
 * for them. The caller holds HEAPS. */
void lmm_thread_park_locked(struct lmm_heap *heap);

/* In a forked child: lmm_cache_forget() of any heap. The caller holds HEAPS. */
void lmm_thread_forget_cache_locked(struct lmm_heap *heap);

/* Returns the heap to work on, never NULL; LMM has started. Pair with lmm_thread_leave(). */
struct lmm_heap *lmm_thread_enter(void);
void lmm_thread_leave(struct lmm_heap *heap);

/* How many times more this thread has called lmm_thread_ignore_begin() than ..._end(): while it is not
 * 0, what it allocates counts at ignored sites (books/site.h). The functions that allocate off the
 * fast paths look at it; the fast paths are closed. */
extern _Thread_local unsigned lmm_thread_ignores
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
void lmm_thread_ignore_begin(void);
void lmm_thread_ignore_end(void);

/* Closes all sites in the thread's view of its heap, until lmm_thread_leave(). */
void lmm_thread_close_sites(void);

/* Calls visit for every heap; the list is held still, the heaps are not. */
void lmm_thread_for_each_heap(void (*visit)(struct lmm_heap *heap, void *arg), void *arg);

/* Gives back the pages that the calling thread keeps for families without a live block: before a
 * report. */
void lmm_thread_tidy(void);

/* Gives back what can be, as lmm_trim(). */
size_t lmm_thread_trim(void);

#endif
