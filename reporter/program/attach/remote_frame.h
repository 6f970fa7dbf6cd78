/* SPDX-License-Identifier: MIT */
/*
 * remote_frame: what lets a thread that is made to call functions (remote_call.h) restore its own state by itself, also when nobody
 * traces it any more: code through which all its calls go, and the frame of a signal, which rt_sigreturn reads at the end of that code.
 * One file for each machine: remote_frame_x86.c, remote_frame_aarch64.c.
 *
 * Stateless.
 */
#ifndef LMM_PROGRAM_REMOTE_FRAME_H
#define LMM_PROGRAM_REMOTE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

enum {
    LMM_REMOTE_STATE_BYTES = 16 << 10,
    LMM_REMOTE_FRAME_BYTES = LMM_REMOTE_STATE_BYTES + 1024,

/* The code: functions return to its start, where it makes a system call, by which their end is seen; the result is in another
     * register then (lmm_machine_result()). Other system calls begin at CALL; all return to STATE, where the thread restores its state. */
#if defined(__x86_64__)
    LMM_REMOTE_CALL = 8,
    LMM_REMOTE_STATE = 10,
    LMM_REMOTE_CODE_BYTES = 27,
    LMM_REMOTE_CODE_ALIGN = 1,
#else
    LMM_REMOTE_CALL = 8,
    LMM_REMOTE_STATE = 12,
    LMM_REMOTE_CODE_BYTES = 36,
    LMM_REMOTE_CODE_ALIGN = 4,
#endif
    LMM_REMOTE_CODE_MAX = 40, /* of both */
};

/* Of a thread, as ptrace gives it. */
struct lmm_remote_state {
    struct user_regs_struct registers;
    struct user_regs_struct
        resumed; /* those with which it goes on by itself: a system call that was interrupted begins again */
    unsigned char bytes[LMM_REMOTE_STATE_BYTES]; /* of the set lmm_machine_float_set */
    size_t count;                                /* of these */
    uint64_t mask;                               /* of signals */
};

/* The bytes of a frame; is_short: without what only newer processors have beside the registers of SSE (x86-64), which get their first state. */
size_t lmm_remote_frame_bytes(const struct lmm_remote_state *state, bool is_short);

/* Makes both. address: where the frame is to be, at a multiple of 64. */
void lmm_remote_frame_make(const struct lmm_remote_state *state, uint64_t address, bool is_short,
                           unsigned char ret_frame[LMM_REMOTE_FRAME_BYTES],
                           unsigned char ret_code[LMM_REMOTE_CODE_MAX]);

#endif
