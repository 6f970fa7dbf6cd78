/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/room.h"

#include <string.h>

#include "reporter/program/attach/tracee.h"

/* Flags and x16 are nobody's at the start of a function. The times and the target lie behind the code. */
static const uint32_t code[] = {
    0xd50324df, /* bti jc */
    0xa9be07e0, /* stp x0, x1, [sp, #-32]! */
    0xa90123e2, /* stp x2, x8, [sp, #16] */
    0xd53be042, /* mrs x2, cntvct_el0 */
    0x58000188, /* ldr x8, TICKS */
    0xeb08005f, /* cmp x2, x8 */
    0x540000a2, /* b.hs after the system call */
    0x10000160, /* adr x0, WAIT */
    0xd2800001, /* mov x1, #0 */
    0xd2800ca8, /* mov x8, #SYS_nanosleep */
    0xd4000001, /* svc #0 */
    0xa94123e2, /* ldp x2, x8, [sp, #16] */
    0xa8c207e0, /* ldp x0, x1, [sp], #32 */
    0x58000130, /* ldr x16, TARGET */
    0xd61f0200, /* br x16 */
    0xd503201f, /* nop */
};

enum {
    SAVED = 4,
    WAITING =
        10, /* the instruction before which a thread stands that waits; the kernel lets it begin again */
    TICKS_OFFSET = sizeof(code),
    WAIT_OFFSET = TICKS_OFFSET + 8, /* struct timespec */
    TARGET_OFFSET = WAIT_OFFSET + 16,
    ROOM_BYTES = TARGET_OFFSET + 8,
};

_Static_assert((size_t) ROOM_BYTES <= (size_t) LMM_ROOM_BYTES_MAX, "it has room");

const size_t lmm_room_bytes = ROOM_BYTES;
const uint64_t lmm_room_align = 8;

void lmm_room_make(uint64_t ticks, uint64_t target, unsigned char ret_code[LMM_ROOM_BYTES_MAX])
{
    static const uint64_t wait[2] = {0, (uint64_t) LMM_ROOM_WAIT_MS * 1000000};

    memcpy(ret_code, code, sizeof(code));
    memcpy(ret_code + TICKS_OFFSET, &ticks, sizeof(ticks));
    memcpy(ret_code + WAIT_OFFSET, wait, sizeof(wait));
    memcpy(ret_code + TARGET_OFFSET, &target, sizeof(target));
}

bool lmm_room_take_out(const struct lmm_tracee *tracee, uint64_t room,
                       struct user_regs_struct *registers)
{
    uint64_t saved[SAVED];
    uint64_t waiting = room + WAITING * sizeof(code[0]);

    /* Behind it when a signal has ended the wait. */
    if ((registers->pc != waiting && registers->pc != waiting + sizeof(code[0])) ||
        !lmm_tracee_read(tracee, registers->sp, saved, sizeof(saved))) {
        return false;
    }
    registers->regs[0] = saved[0];
    registers->regs[1] = saved[1];
    registers->regs[2] = saved[2];
    registers->regs[8] = saved[3];
    registers->sp += sizeof(saved);
    return true;
}
