/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/room.h"

#include <string.h>
#include <sys/syscall.h>

#include "reporter/program/attach/tracee.h"

enum { SAVED = 6 };

static const unsigned char room_start[] = {
    0x50, 0x51, 0x52, 0x56, 0x57, 0x41, 0x53, /* push %rax, %rcx, %rdx, %rsi, %rdi, %r11 */
    0x0f, 0x31,                               /* rdtsc */
    0x48, 0xc1, 0xe2, 0x20,                   /* shl $32, %rdx */
    0x48, 0x09, 0xd0,                         /* or %rdx, %rax */
    0x48, 0xb9,                               /* mov the time, %rcx */
};
static const unsigned char room_wait[] = {
    0x48, 0x39,
    0xc8,       /* cmp %rcx, %rax */
    0x73, 0x10, /* jae after the system call */
    0xb8, SYS_poll,
    0,    0,
    0,          /* mov $SYS_poll, %eax */
    0x31, 0xff, /* xor %edi, %edi */
    0x31, 0xf6, /* xor %esi, %esi */
    0xba, LMM_ROOM_WAIT_MS,
    0,    0,
    0,          /* mov $LMM_ROOM_WAIT_MS, %edx */
    0x0f, 0x05, /* syscall */
};
static const unsigned char room_end[] = {
    0x41, 0x5b, 0x5f, 0x5e, 0x5a, 0x59, 0x58, /* pop %r11, %rdi, %rsi, %rdx, %rcx, %rax */
    0xff, 0x25, 0,    0,    0,    0,          /* jmp to the address after it */
};

enum {
    TIME_OFFSET = sizeof(room_start),
    WAIT_OFFSET = TIME_OFFSET + sizeof(uint64_t),
    WAITING_OFFSET = WAIT_OFFSET + sizeof(room_wait), /* where a thread stands that waits */
    TARGET_OFFSET = WAITING_OFFSET + sizeof(room_end),
    ROOM_BYTES = TARGET_OFFSET + sizeof(uint64_t),
};

_Static_assert((size_t) ROOM_BYTES <= (size_t) LMM_ROOM_BYTES_MAX, "it has room");

const size_t lmm_room_bytes = ROOM_BYTES;
const uint64_t lmm_room_align = 1;

void lmm_room_make(uint64_t ticks, uint64_t target, unsigned char ret_code[LMM_ROOM_BYTES_MAX])
{
    memcpy(ret_code, room_start, sizeof(room_start));
    memcpy(ret_code + TIME_OFFSET, &ticks, sizeof(ticks));
    memcpy(ret_code + WAIT_OFFSET, room_wait, sizeof(room_wait));
    memcpy(ret_code + WAITING_OFFSET, room_end, sizeof(room_end));
    memcpy(ret_code + TARGET_OFFSET, &target, sizeof(target));
}

bool lmm_room_take_out(const struct lmm_tracee *tracee, uint64_t room,
                       struct user_regs_struct *registers)
{
    uint64_t saved[SAVED];

    if (registers->rip != room + WAITING_OFFSET ||
        !lmm_tracee_read(tracee, registers->rsp, saved, sizeof(saved))) {
        return false;
    }
    registers->r11 = saved[0];
    registers->rdi = saved[1];
    registers->rsi = saved[2];
    registers->rdx = saved[3];
    registers->rcx = saved[4];
    registers->rax = saved[5];
    registers->orig_rax = ~0ull;
    registers->rsp += sizeof(saved);
    return true;
}
