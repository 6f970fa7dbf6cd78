/* SPDX-License-Identifier: MIT */
/*
 * remote_frame: what lets a thread that was made to call a function (remote_call.h) restore its own state when that returns and
 * nobody traces it any more: code that calls rt_sigreturn, and the frame of a signal that this call reads.
 *
 * The memory that it was given for the call stays mapped. Stateless.
 */
#ifndef LMM_PROGRAM_REMOTE_FRAME_H
#define LMM_PROGRAM_REMOTE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

enum {
    LMM_REMOTE_STATE_BYTES = 16 << 10,
    LMM_REMOTE_FRAME_BYTES = LMM_REMOTE_STATE_BYTES + 4096,
    LMM_REMOTE_RETURN_BYTES = 17, /* of the code */
};

/* Of a thread, as ptrace gives it. */
struct lmm_remote_state {
    struct user_regs_struct registers;
    unsigned char
        bytes[LMM_REMOTE_STATE_BYTES]; /* of the floating point unit, as XSAVE stores it */
    size_t count;                      /* of these */
    uint64_t mask;                     /* of signals */
};

/* Makes both. address: where the frame is to be, at a multiple of 64. A system call that was interrupted begins again. */
void lmm_remote_frame_make(const struct lmm_remote_state *state, uint64_t address,
                           unsigned char ret_frame[LMM_REMOTE_FRAME_BYTES],
                           unsigned char ret_code[LMM_REMOTE_RETURN_BYTES]);

#endif
