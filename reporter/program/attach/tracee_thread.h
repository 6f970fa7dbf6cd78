/* SPDX-License-Identifier: MIT */
/*
 * tracee_thread: one thread that this process traces (tracee.h): stopped, and let go.
 *
 * No function waits longer than until its deadline (of CLOCK_MONOTONIC): a thread in vfork or in an uninterruptible wait does not
 * stop, and one that has ended may never be told of, if it is the first of its process.
 */
#ifndef LMM_PROGRAM_TRACEE_THREAD_H
#define LMM_PROGRAM_TRACEE_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* What is told instead of a signal when a thread stops at a system call, with PTRACE_O_TRACESYSGOOD. */
enum { LMM_THREAD_IN_CALL = 0x80 | 5 };

/* The system call that a thread waited in before it was told to stop; only as far as the registers do not have it (machine.h). */
struct lmm_thread_call {
    int64_t number; /* -1: none, or unknown */
    uint64_t first; /* argument */
    uint64_t sp;
    uint64_t pc; /* after the instruction */
};

struct lmm_thread {
    pid_t id;
    bool is_stopped;
    bool is_interrupted; /* by us, not by a signal that waits to be delivered */
    bool is_held;        /* its process was stopped, for example by SIGSTOP */
    int event;           /* of ptrace, at which it stopped */
    int signal;          /* to be delivered; 0: none */
    struct lmm_thread_call call;
};

/* Registers of a stopped thread. */
bool lmm_thread_get(pid_t id, struct user_regs_struct *ret_registers);
bool lmm_thread_set(pid_t id, const struct user_regs_struct *registers);

/* Whether the thread has ended, and only its record is left: waitpid() tells of the first one of a process when all others
 * have ended. */
bool lmm_thread_is_zombie(pid_t pid, pid_t id);

/* Begins to stop a thread. */
void lmm_thread_tell_to_stop(pid_t pid, struct lmm_thread *thread);

/* Waits until the thread stops. 1: it has; 0: it has ended; -1: it does not. */
int lmm_thread_wait(pid_t pid, struct lmm_thread *thread, uint64_t deadline_ns);

/* The same, after it was told to stop. */
int lmm_thread_stop(pid_t pid, struct lmm_thread *thread, uint64_t deadline_ns);

/* Whether a thread that was stopped was killed meanwhile; then nothing is left of it. The kernel lets no thread execute
 * another program before that is known of all others. */
bool lmm_thread_has_ended(pid_t id);

/* Lets a thread go, which it can only when it stands still; true also when it has ended. False: it does not stop. Then the
 * kernel lets it go when this process ends. */
bool lmm_thread_release(pid_t pid, struct lmm_thread *thread, uint64_t deadline_ns);

/* CLOCK_MONOTONIC. */
uint64_t lmm_tracee_now(void);

/* Sleeps for some microseconds. */
void lmm_tracee_pause(unsigned microseconds);

#endif
