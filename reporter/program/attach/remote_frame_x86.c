/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/remote_frame.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

/* As the kernel has it (asm/ucontext.h): glibc's struct has a longer mask. */
struct frame {
    uint64_t flags;
    uint64_t link;
    stack_t stack;
    uint64_t registers[18]; /* in the order of asm/sigcontext.h */
    uint16_t segments[4];
    uint64_t facts[4];
    uint64_t state; /* the address of what XSAVE has stored */
    uint64_t reserved[8];
    uint64_t mask;
};

enum {
    HAS_STATE = 1,
    HAS_SS = 2,
    STATE_OFFSET = 512,
    SHORT_STATE_BYTES = 512, /* as FXSAVE stores it */
    END_BYTES = 4,
    NO_FLAGS = 0x7777, /* makes the kernel leave the thread's stack for signals as it is */
};

_Static_assert(sizeof(struct frame) <= STATE_OFFSET, "the state comes after it");
_Static_assert(offsetof(struct frame, registers) == 40 && offsetof(struct frame, mask) == 296,
               "as the kernel reads it");

/* What the kernel puts beside the state, for itself. */
struct software_bytes {
    uint32_t magic;
    uint32_t extended_bytes;
    uint64_t features;
    uint32_t bytes;
    uint32_t padding[7];
};

size_t lmm_remote_frame_bytes(const struct lmm_remote_state *state, bool is_short)
{
    return STATE_OFFSET + (is_short ? (size_t) SHORT_STATE_BYTES : state->count) + END_BYTES;
}

/* Without the magic numbers the kernel reads no more than the first bytes. */
static void put_state(const struct lmm_remote_state *state, bool is_short, unsigned char *at)
{
    enum { SOFTWARE = 464 };
    static const uint32_t end_magic = 0x46505845;

    if (is_short) {
        memcpy(at, state->bytes, SHORT_STATE_BYTES);
        memset(at + SOFTWARE, 0, sizeof(struct software_bytes));
        memcpy(at + SHORT_STATE_BYTES, &end_magic, sizeof(end_magic));
        return;
    }
    uint32_t bytes = (uint32_t) state->count;
    struct software_bytes software = {
        .magic = 0x46505853, .extended_bytes = bytes + sizeof(end_magic), .bytes = bytes};

    memcpy(at, state->bytes, state->count);
    memcpy(&software.features, state->bytes + SOFTWARE, sizeof(software.features));
    memcpy(at + SOFTWARE, &software, sizeof(software));
    memcpy(at + state->count, &end_magic, sizeof(end_magic));
}

void lmm_remote_frame_make(const struct lmm_remote_state *state, uint64_t address, bool is_short,
                           unsigned char ret_frame[LMM_REMOTE_FRAME_BYTES],
                           unsigned char ret_code[LMM_REMOTE_CODE_MAX])
{
    enum { ADDRESS = LMM_REMOTE_STATE + 2 };
    static const unsigned char code[LMM_REMOTE_CODE_BYTES] = {
        0x48, 0x89, 0xc7,                      /* mov %rax, %rdi */
        0xb8, 0xba, 0,    0, 0,                /* mov $SYS_gettid, %eax */
        0x0f, 0x05,                            /* CALL: syscall */
        0x48, 0xbc, 0,    0, 0, 0, 0, 0, 0, 0, /* STATE: mov $address, %rsp */
        0xb8, 0x0f, 0,    0, 0,                /* mov $SYS_rt_sigreturn, %eax */
        0x0f, 0x05,                            /* syscall */
    };
    const struct user_regs_struct now = state->resumed;
    const struct frame frame = {
        .flags = HAS_STATE | HAS_SS,
        .stack = {.ss_flags = NO_FLAGS},
        .registers = {now.r8, now.r9, now.r10, now.r11, now.r12, now.r13, now.r14, now.r15, now.rdi,
                      now.rsi, now.rbp, now.rbx, now.rdx, now.rax, now.rcx, now.rsp, now.rip,
                      now.eflags},
        .segments = {(uint16_t) now.cs, 0, 0, (uint16_t) now.ss},
        .state = address + STATE_OFFSET,
        .mask = state->mask,
    };

    memset(ret_frame, 0, LMM_REMOTE_FRAME_BYTES);
    memcpy(ret_frame, &frame, sizeof(frame));
    put_state(state, is_short, ret_frame + STATE_OFFSET);
    memcpy(ret_code, code, sizeof(code));
    memcpy(ret_code + ADDRESS, &address, sizeof(address));
}
