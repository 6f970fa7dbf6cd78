/* SPDX-License-Identifier: MIT */
/*
 * code: machine code of a file, as its readers get it, and the numbers of registers.
 *
 * Registers have DWARF's numbers everywhere: on x86-64 0 is rax, 1 rdx, 2 rcx, 3 rbx, 4 rsi, 5 rdi,
 * 6 rbp, 7 rsp, 8 to 15 r8 to r15; on AArch64 0 to 30 are x0 to x30, and 31 is sp. Stateless.
 */
#ifndef LMM_PROGRAM_CODE_H
#define LMM_PROGRAM_CODE_H

#include <stddef.h>
#include <stdint.h>

enum {
    LMM_REGISTER_NONE = -1,
    LMM_REGISTER_THREAD = -2, /* the thread pointer: fs on x86-64, tpidr_el0 on AArch64 */
    /* No pointer: where the thread has what a word of the global offset table is about. */
    LMM_REGISTER_DYNAMIC = -3,
};

enum lmm_machine {
    LMM_MACHINE_NONE, /* code that cannot be decoded here */
    LMM_MACHINE_X86_64,
    LMM_MACHINE_AARCH64, /* little-endian */
};

/* Bytes of code; the file owns them, and they may be anything. */
struct lmm_code {
    const unsigned char *bytes;
    size_t count;
    uint64_t address; /* of the first byte, in the file's headers */
    enum lmm_machine machine;
};

#endif
