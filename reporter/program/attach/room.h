/* SPDX-License-Identifier: MIT */
/*
 * room: code in which callers of a function wait, for some milliseconds (attempt_caller): it keeps the registers that a system call changes, and those of
 * arguments; it waits, unless the processor's counter of time has passed a moment; it goes on to where it leads. One file for each
 * machine: room_x86.c, room_aarch64.c.
 *
 * Stateless.
 */
#ifndef LMM_PROGRAM_ROOM_H
#define LMM_PROGRAM_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

struct lmm_tracee;

enum {
    LMM_ROOM_BYTES_MAX = 128,
    LMM_ROOM_WAIT_MS = 100,
};

extern const size_t lmm_room_bytes;
extern const uint64_t lmm_room_align;

/* Makes the code. ticks: of lmm_machine_ticks(), from when on nobody waits. target: where it leads. */
void lmm_room_make(uint64_t ticks, uint64_t target, unsigned char ret_code[LMM_ROOM_BYTES_MAX]);

/* Changes registers of a thread that waits there to those with which it came, except for the program counter. False: it does not wait there. */
bool lmm_room_take_out(const struct lmm_tracee *tracee, uint64_t room,
                       struct user_regs_struct *registers);

#endif
