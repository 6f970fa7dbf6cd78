/* SPDX-License-Identifier: MIT */
/*
 * stop: makes all other threads of the process stand still, by a signal and without ptrace.
 *
 * Each thread is sent a signal with a value that names its record. The handler notes where the
 * thread's registers are saved, and waits until lmm_stop_release(). The signal is 33, which libc
 * uses for setuid and its kind in programs with threads. libc keeps it out of all masks that a
 * program sets by its functions, so it reaches a thread that blocks all signals. libc's handler still
 * gets what libc sends. Between two stops the signal has the action that it had before.
 *
 * A thread is unseen when it does not answer: it blocks the signal by a system call of its own, or
 * waits for a child made by vfork, or a debugger holds it, or libc has blocked it while the thread begins or ends, and it
 * waits meanwhile for one that stands still; or, with musl, the process changes its user, for which all threads wait
 * with all signals blocked until the caller has taken musl's signal. The caller blocks that one, too: in its handler it
 * would wait for those that it has stopped. The wait ends LMM_STOP_PATIENCE_NS after the last answer;
 * while a thread blocks the signal and does not sleep, LMM_STOP_BUSY_NS after it; and while one only needs a
 * processor in order to answer, LMM_STOP_OPEN_NS after it. An unseen thread goes on while the others stand still. The signal remains pending for it; so LMM's handler
 * stays, and does nothing when it arrives late.
 *
 * Invariants (tests/unit/lib/test_stop.c, tests/stress/check.c):
 *   I1  when lmm_stop_threads() returns 0, a whole listing of all threads has found none that is not in
 *       the list, after all seen ones had stopped (lmm_tasks_for_each() tells when it is whole)
 *   I2  a record is claimed by its thread or given up by the caller, never both: the first
 *       change of `state` decides. So a handler that runs late touches nothing
 *   I3  records never move, and are never unmapped
 * The handler touches no thread-local storage and no errno; with lib/ground/system.c it is compiled
 * without sanitizers and stack protectors. Only one thread may use this at a time (check sees to it);
 * it holds no lock that a thread which blocks signal 33 needs in order to go on.
 */
#ifndef LMM_STOP_H
#define LMM_STOP_H

#include "lib/ground/base.h"

enum { LMM_STOP_SIGNAL = 33 };

#define LMM_STOP_PATIENCE_NS UINT64_C(100000000)
#define LMM_STOP_BUSY_NS     UINT64_C(1000000000)
#define LMM_STOP_OPEN_NS     UINT64_C(5000000000)

enum lmm_stop_state {
    LMM_STOP_ASKED = 1,
    LMM_STOP_SEEN,   /* it stands still, and its registers are known */
    LMM_STOP_UNSEEN, /* it did not answer */
    LMM_STOP_ENDED,
};

struct lmm_stop_thread {
    uint64_t state; /* atomic: enum lmm_stop_state, and the number of the stop << 8 */
    int thread;     /* its id */
    /* Of a thread that is seen. */
    uintptr_t sp;        /* of an unseen one: that of its system call, or 0 */
    uintptr_t tp;        /* its thread pointer; 0: not known */
    const void *context; /* ucontext_t */
};

struct lmm_stop {
    size_t count; /* of records; without the caller's */
    size_t unseen;
    size_t ended;
    uint64_t began_ns; /* CLOCK_MONOTONIC, when the first was asked */
};

/* The record with that number, below count; valid until the next stop. */
struct lmm_stop_thread *lmm_stop_thread(size_t i);

/* Stops all other threads. Returns 0, or -errno and all go on: the threads cannot be listed, or
 * there is no memory; EAGAIN: new ones were listed again and again, or /proc is of another namespace of
 * processes, so that its ids of threads are not those that signals take. */
int lmm_stop_threads(struct lmm_stop *ret_stop);

/* Lets them go on. Not in a copy of the process. */
void lmm_stop_release(struct lmm_stop *stop);

static inline enum lmm_stop_state lmm_stop_state(const struct lmm_stop_thread *thread)
{
    return (enum lmm_stop_state)(__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) & 0xff);
}

#endif
