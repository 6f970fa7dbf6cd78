/* SPDX-License-Identifier: MIT */
/*
 * bare_thread: a thread of LMM's own, which libc does not know.
 *
 * It can be started in a signal handler, at any instruction of the program, and it needs neither libc's
 * locks nor the program's memory. All variables of threads (also libc's errno, and LMM's) are zero for it,
 * whatever their first values are. So it may call functions of LMM that only take locks and make
 * system calls, none that allocates or frees blocks, and of libc only those that compute.
 * It has the process's user as it was when the thread started: libc's setuid() does not reach it.
 *
 * Owns the thread's stack and its variables, which are mapped once and used again.
 * Invariants (tests/unit/lib/test_bare_thread.c): I1 one thread at a time uses them: the next one can
 * be started when the kernel has said that the last one is gone.
 * Locks: none. Async-signal-safe, except lmm_bare_thread_prepare().
 */
#ifndef LMM_BARE_THREAD_H
#define LMM_BARE_THREAD_H

#include "lib/ground/base.h"

struct lmm_bare_thread {
    char *memory;  /* variables, then the stack; NULL: not prepared */
    size_t bytes;  /* of it */
    char *pointer; /* the thread pointer */
    uint32_t
        alive; /* atomic; its thread id, 1 while it is being started; 0: nothing uses the memory */
};

/* Maps its memory; call once, not in a signal handler. False with errno ENOMEM. */
bool lmm_bare_thread_prepare(struct lmm_bare_thread *thread);

/* Starts run(arg), with the signal mask of the caller. Returns 0; -EBUSY when it runs already, or has not been
 * prepared; or -errno. */
int lmm_bare_thread_start(struct lmm_bare_thread *thread, void (*run)(void *arg), void *arg);

/* In a forked child: there is no thread. */
void lmm_bare_thread_forget(struct lmm_bare_thread *thread);

#endif
