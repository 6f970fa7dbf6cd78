/* SPDX-License-Identifier: MIT */
/*
 * fork: holds all of LMM still around fork, and puts it in order in the child.
 *
 * Owns the one table of LMM's locks. The forking thread takes them all, in order of rank, in the
 * last of the program's prepare handlers, and releases them in the first of its parent and child
 * handlers. Until then its signals are blocked, except those that an instruction raises. (MeMS,
 * which works without the rest of the library, takes its own lock.) Where LMM comes too late for that,
 * lmm_fork_around() does the same around libc's _Fork.
 *
 * fork is async-signal-safe, so a signal handler may call it while it interrupts LMM in its thread:
 *   - A lock that the thread holds already is left as it is, in the parent and in the child, and the
 *     interrupted code releases it. So the child may return from the handler and go on, if the
 *     process had one thread; with more threads it may, as POSIX says, call only async-signal-safe
 *     functions.
 *   - fork waits for another thread's lock if its rank is higher than that of all locks which the
 *     thread holds. For a lower one it waits until the other thread waits for a lock of this one,
 *     and a tenth of a second longer. If that passes, it forks without the lock; the child resets
 *     it, and what it protects may be damaged there.
 *   - A signal handler that interrupts LMM may not allocate or free. If it must wait for a lock of
 *     its own thread, LMM panics.
 *
 * The child, whose only thread is the one that forked, is settled at its first call of LMM that is
 * not on a fast path, so a child that only executes another program costs nothing more. This also
 * settles a child that ran no handlers, because it was made by _Fork, by clone without CLONE_VM, or
 * by a system call. (After vfork the child works in its parent's memory, and counts there.)
 *   I1  no lock is held, except by code that a signal handler interrupted (checked by the next call
 *       that takes it)
 *   I2  nothing is shared with the parent's ledger, and the fast paths are closed until the child is
 *       settled and has created its own (tests/stress/fork.c)
 *   I3  once it is settled: heaps of other threads are parked; if there were any, all heaps were
 *       rebuilt from the tags, and the counters agree with the tags (tests/unit/lib/test_thread.c,
 *       tests/stress/fork.c)
 */
#ifndef LMM_FORK_H
#define LMM_FORK_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

/* REPORT: front/report's lock, here because fork takes it first. */
extern struct lmm_lock lmm_report_lock;

/* Registers the handlers; call once, before the program can register handlers of its own. Warns
 * when there is no memory for them. */
void lmm_fork_watch(void);

/*
 * Calls a function that makes the child, such as libc's _Fork, and returns what it returned; LMM is held still around it, as the
 * handlers hold it around fork. For a process in which handlers would come too late (preload/attach.c): libc calls
 * _Fork after all handlers of fork, and after it has taken its own locks.
 */
int lmm_fork_around(int (*make_child)(void));

/*
 * Whether all locks of LMM from STACKS on could be taken one by one, and so can be again: not when
 * this thread holds one, or a thread that does not go on. Waits up to a tenth of a second for each.
 * For a thread that panics, whatever it was doing.
 */
bool lmm_fork_locks_are_usable(void);

/*
 * Takes all locks of LMM in order, as fork does, so that pages, runs and tags are at rest; false, and
 * none is taken, when the calling thread holds one already. The caller's signals are blocked.
 */
bool lmm_fork_take_locks(void);
void lmm_fork_release_locks(void);

/* Settles a child, for lmm_thread_settle(). The caller holds no lock, and its signals are blocked. */
void lmm_fork_settle_child(void);

#endif
