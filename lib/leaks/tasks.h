/* SPDX-License-Identifier: MIT */
/*
 * tasks: the threads of the process, as /proc/self/task tells them.
 *
 * Owns nothing. Raw system calls; async-signal-safe, takes no lock.
 */
#ifndef LMM_TASKS_H
#define LMM_TASKS_H

#include "lib/ground/base.h"

/*
 * Calls visit for each thread. Returns 0 when it visited as many as there were at the start; 1 when
 * threads began or ended meanwhile, so some may be missing; -errno when the list cannot be read.
 * After 0 there was no other thread at the start if the caller knows that each one visited was there
 * at the start. If one of them may have begun during the call, it may stand for one that was skipped.
 */
int lmm_tasks_for_each(void (*visit)(int thread, void *arg), void *arg);

enum lmm_task_state {
    LMM_TASK_GONE, /* it has ended, or is the main thread, which has ended before others */
    LMM_TASK_OPEN, /* it takes the signal when it gets a processor */
    LMM_TASK_BUSY, /* it blocks the signal and runs, or waits for a processor, a page or a disk: so does one
                         that begins or ends, for which libc blocks all */
    LMM_TASK_BLOCKED, /* it blocks the signal and sleeps, or a debugger holds it; or not known */
    LMM_TASK_LENT,    /* it waits until its child process executes a program or ends (vfork) */
};

/* What a thread does now with a signal, and in *ret_sp its stack pointer if it is in a system call, else
 * 0. */
enum lmm_task_state lmm_tasks_look(int thread, int signal_number, uintptr_t *ret_sp);

/* Whether some of the process's memory is swapped out; true when it is not known. */
bool lmm_tasks_may_be_swapped(void);

#endif
