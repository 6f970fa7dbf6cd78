/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "reporter/program/attach/remote_frame.h"

/* As the kernel has it (arch/arm64/kernel/signal.c, asm/sigcontext.h). */
struct frame {
    unsigned char siginfo[128];
    uint64_t flags;
    uint64_t link;
    stack_t stack;
    uint64_t mask;
    unsigned char more_mask[120];
    __attribute__((aligned(16))) uint64_t fault_address;
    uint64_t registers[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
    /* Records: that of the floating point unit, and the end. */
    __attribute__((aligned(16))) uint32_t magic;
    uint32_t bytes;
    uint32_t status;
    uint32_t control;
    unsigned char vectors[512];
    uint32_t end[2];
    uint64_t mark; /* not 0: bytes that end with zeros could be taken for unused */
};

enum {
    FLOAT_MAGIC = 0x46508001,
    FLOAT_BYTES = 528,
    NO_FLAGS = 0x7777, /* makes the kernel leave the thread's stack for signals as it is */
};

_Static_assert(offsetof(struct frame, fault_address) == 128 + 176 &&
                   offsetof(struct frame, magic) == 128 + 176 + 288,
               "as the kernel reads it");
_Static_assert(offsetof(struct frame, mark) + sizeof(uint64_t) == sizeof(struct frame) &&
                   sizeof(struct frame) <= (size_t) LMM_REMOTE_FRAME_BYTES,
               "the mark is its end, and it has room");

size_t lmm_remote_frame_bytes(const struct lmm_remote_state *state, bool is_short)
{
    (void) state, (void) is_short;
    return sizeof(struct frame);
}

void lmm_remote_frame_make(const struct lmm_remote_state *state, uint64_t address, bool is_short,
                           unsigned char ret_frame[LMM_REMOTE_FRAME_BYTES],
                           unsigned char ret_code[LMM_REMOTE_CODE_MAX])
{
    enum { ADDRESS = LMM_REMOTE_CODE_BYTES - sizeof(uint64_t) };
    static const uint32_t code[] = {
        0xaa0003e1, /* mov x1, x0 */
        0xd2801648, /* mov x8, #SYS_gettid */
        0xd4000001, /* CALL: svc #0 */
        0x58000090, /* STATE: ldr x16, the address */
        0x9100021f, /* mov sp, x16 */
        0xd2801168, /* mov x8, #SYS_rt_sigreturn */
        0xd4000001, /* svc #0 */
    };
    const struct user_regs_struct *now = &state->resumed;
    struct frame frame = {
        .stack = {.ss_flags = NO_FLAGS},
        .mask = state->mask,
        .sp = now->sp,
        .pc = now->pc,
        .pstate = now->pstate,
        .magic = FLOAT_MAGIC,
        .bytes = FLOAT_BYTES,
        .mark = 1,
    };

    (void) is_short;
    for (size_t i = 0; i < sizeof(frame.registers) / sizeof(frame.registers[0]); i++) {
        frame.registers[i] = now->regs[i];
    }
    /* As ptrace gives it: the vectors, status, control. */
    memcpy(frame.vectors, state->bytes, sizeof(frame.vectors));
    memcpy(&frame.status, state->bytes + sizeof(frame.vectors), sizeof(frame.status));
    memcpy(&frame.control, state->bytes + sizeof(frame.vectors) + sizeof(frame.status),
           sizeof(frame.control));
    memset(ret_frame, 0, LMM_REMOTE_FRAME_BYTES);
    memcpy(ret_frame, &frame, sizeof(frame));
    _Static_assert(sizeof(code) == ADDRESS, "the address comes after the code");
    memcpy(ret_code, code, sizeof(code));
    memcpy(ret_code + ADDRESS, &address, sizeof(address));
}
