/* SPDX-License-Identifier: MIT */
/*
 * tracee: the threads of a running process, stopped by ptrace, and its memory.
 *
 * Owns the list of its threads. Invariants:
 *   I1  a thread in the list is traced by this process; every thread left in it when the tracee is closed goes on, at the latest
 *       when this process ends
 *   I2  a signal that came while a thread was stopped is delivered when the thread goes on
 *   I3  a system call that the stop has ended with EINTR, and no handler of a signal, begins again: epoll_wait, for
 *       example, which the kernel does not start again itself
 * The kernel lets all of them go, too, when this process ends. No function waits longer than until its deadline, and
 * LMM_TRACEE_GRACE_NS longer for threads to be let go.
 */
#ifndef LMM_PROGRAM_TRACEE_H
#define LMM_PROGRAM_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "reporter/program/attach/tracee_thread.h"

struct lmm_reason; /* ledger_file.h */

/* How long a thread may take to stop, when it must be let go. */
#define LMM_TRACEE_GRACE_NS UINT64_C(2000000000)

struct lmm_tracee {
    pid_t pid;
    int memory;          /* /proc/PID/mem */
    uint64_t some_place; /* an address that the process has mapped */
    struct lmm_thread *threads;
    size_t count;
};

/* Opens the process's memory; no thread is stopped. False and *ret_reason. */
bool lmm_tracee_open(pid_t pid, struct lmm_tracee *ret_tracee, struct lmm_reason *ret_reason);

/* Whether the process has neither ended nor executed another program since it was opened. */
bool lmm_tracee_is_there(const struct lmm_tracee *tracee);

/* Lets all threads go, and closes the memory. */
void lmm_tracee_close(struct lmm_tracee *tracee);

/* Stops all threads, also those that start meanwhile. deadline_ns: of CLOCK_MONOTONIC. False and *ret_reason: one
 * cannot be stopped; then none is, except `keep`. */
bool lmm_tracee_stop(struct lmm_tracee *tracee, uint64_t deadline_ns, pid_t keep,
                     struct lmm_reason *ret_reason);

/* Lets all threads go except one; keep: 0 for none. False: one does not stop for that, and stays in the list. */
bool lmm_tracee_release(struct lmm_tracee *tracee, pid_t keep);

/* The thread with that id; NULL: it is not in the list. */
struct lmm_thread *lmm_tracee_thread(struct lmm_tracee *tracee, pid_t id);

/* Takes a thread out of the list, which has ended. */
void lmm_tracee_forget(struct lmm_tracee *tracee, struct lmm_thread *thread);

/* Memory, whatever its protection is. False: not all of it could be read or written. */
bool lmm_tracee_read(const struct lmm_tracee *tracee, uint64_t address, void *ret_bytes,
                     size_t count);
bool lmm_tracee_write(const struct lmm_tracee *tracee, uint64_t address, const void *bytes,
                      size_t count);

#endif
