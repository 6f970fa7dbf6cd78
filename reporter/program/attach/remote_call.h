/* SPDX-License-Identifier: MIT */
/*
 * remote_call: makes a stopped thread call functions of its process, and system calls, on a stack that it is given
 * for that; afterwards it goes on as if nothing had been, a system call that was interrupted included.
 *
 * Owns the thread's state from begin to end: registers, those of the floating point unit, and its mask of
 * signals. Meanwhile the thread takes no signal except those that an instruction raises.
 *
 * All calls return to code that restores the thread's state (remote_frame), unless the thread is stopped before. So the thread
 * goes on by itself when a call has not returned at the deadline (it cannot be broken off: the thread may hold locks), and when this
 * process is killed, at any moment. For the same reason the thread is never made to raise SIGTRAP, which the kernel would deliver after the
 * death of this process.
 */
#ifndef LMM_PROGRAM_REMOTE_CALL_H
#define LMM_PROGRAM_REMOTE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "reporter/program/attach/remote_frame.h"

struct lmm_reason; /* ledger_file.h */
struct lmm_target_map;
struct lmm_tracee;

struct lmm_remote {
    struct lmm_tracee *tracee;
    pid_t thread;
    uint64_t code; /* these two of remote_frame.h, in bytes that no module uses; 0: not there */
    uint64_t frame;
    size_t frame_bytes;
    uint64_t memory; /* the thread's: the stack, and room for arguments */
    struct lmm_remote_state state;
    uint64_t deadline_ns; /* of CLOCK_MONOTONIC */
    bool is_left;         /* in a call that did not return; nothing more can be called */
};

/* Keeps the thread's state, and gives it a stack. No call lasts longer than until the deadline. False and *ret_reason; then it is
 * as before. */
bool lmm_remote_begin(struct lmm_remote *remote, struct lmm_tracee *tracee,
                      const struct lmm_target_map *map, pid_t thread, uint64_t deadline_ns,
                      struct lmm_reason *ret_reason);

/* Gives the stack back, and restores the thread's state, unless it is left in a call. */
void lmm_remote_end(struct lmm_remote *remote);

/* Makes a system call; its result, or -errno as the kernel gives it. arguments: six. */
int64_t lmm_remote_system_call(struct lmm_remote *remote, uint64_t number,
                               const uint64_t arguments[6]);

/* Calls a function of two arguments. False: it did not return, because of a signal of its own, or until the deadline. */
bool lmm_remote_call(struct lmm_remote *remote, uint64_t function, uint64_t first, uint64_t second,
                     uint64_t *ret_result);

/* Copies a text to where the thread can read it, until the next copy. Returns its address; 0: it does not fit. */
uint64_t lmm_remote_text(struct lmm_remote *remote, const char *text);

#endif
