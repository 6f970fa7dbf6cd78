/* SPDX-License-Identifier: MIT */
#include "tests/support/spinners.h"

#include <stddef.h>
#include <sys/prctl.h>

#if defined(__x86_64__) || defined(__aarch64__)
static bool is_there(void)
{
    return true;
}
#endif

#if defined(__x86_64__)

#define SPIN_WITH(load, name)                                                                      \
    static void spin_with_##name(volatile const int *is_over)                                      \
    {                                                                                              \
        uintptr_t word = ~SPINNER_WORD;                                                            \
        __asm__ volatile("not %0\n\t" load "\n\t"                                                  \
                         "xor %0, %0\n"                                                            \
                         "1: cmpb $0, %1\n\tje 1b"                                                 \
                         : "+&r"(word)                                                             \
                         : "m"(*is_over)                                                           \
                         : "rbx", "r12", "r15", "rcx", "xmm3", "xmm15", "memory", "cc");           \
    }

SPIN_WITH("mov %0, %%rbx", rbx)
SPIN_WITH("mov %0, %%r12", r12)
SPIN_WITH("mov %0, %%r15", r15)
SPIN_WITH("mov %0, %%rcx", rcx)
SPIN_WITH("movq %0, %%xmm3", xmm3)
SPIN_WITH("movq %0, %%xmm15\n\tpslldq $8, %%xmm15", xmm15_high)

/* The upper half of a register of 256 bits. */
__attribute__((target("avx"))) static void spin_with_wide(volatile const int *is_over)
{
    uintptr_t word = ~SPINNER_WORD;
    __asm__ volatile("not %0\n\tmovq %0, %%xmm7\n\tvinsertf128 $1, %%xmm7, %%ymm7, %%ymm7\n\t"
                     "vextractf128 $1, %%ymm7, %%xmm6\n\tvpxor %%xmm6, %%xmm6, %%xmm6\n\t"
                     "xor %0, %0\n"
                     "1: cmpb $0, %1\n\tje 1b\n\tvzeroupper"
                     : "+&r"(word)
                     : "m"(*is_over)
                     : "xmm6", "xmm7", "memory", "cc");
}

static bool has_wide_registers(void)
{
    return __builtin_cpu_supports("avx");
}

const struct spinner spinners[] = {
    {"rbx", spin_with_rbx, is_there},
    {"r12", spin_with_r12, is_there},
    {"r15", spin_with_r15, is_there},
    {"rcx", spin_with_rcx, is_there},
    {"xmm3", spin_with_xmm3, is_there},
    {"xmm15 high", spin_with_xmm15_high, is_there},
    {"ymm7", spin_with_wide, has_wide_registers},
    {NULL, NULL, NULL},
};

#elif defined(__aarch64__)

#define SPIN_WITH(load, name)                                                                      \
    static void spin_with_##name(volatile const int *is_over)                                      \
    {                                                                                              \
        uintptr_t word = ~SPINNER_WORD;                                                            \
        __asm__ volatile("mvn %0, %0\n\t" load "\n\t"                                              \
                         "mov %0, xzr\n"                                                           \
                         "1: ldr w9, %1\n\tcbz w9, 1b"                                             \
                         : "+&r"(word)                                                             \
                         : "m"(*is_over)                                                           \
                         : "x9", "x10", "x19", "x28", "v3", "v7", "v15", "memory", "cc");          \
    }

SPIN_WITH("mov x10, %0", x10)
SPIN_WITH("mov x19, %0", x19)
SPIN_WITH("mov x28, %0", x28)
SPIN_WITH("fmov d3, %0", v3)
SPIN_WITH("movi v15.2d, #0\n\tins v15.d[1], %0", v15_high)
/* All of a register of SVE, except for its lower 128 bits, which are v7. */
SPIN_WITH(".arch_extension sve\n\tmov z7.d, %0\n\tptrue p0.d, vl2\n\tmov z7.d, p0/m, #0\n\t"
          ".arch_extension nosve",
          wide)

static bool has_wide_registers(void)
{
    return prctl(PR_SVE_GET_VL) > 16;
}

const struct spinner spinners[] = {
    {"x10", spin_with_x10, is_there},
    {"x19", spin_with_x19, is_there},
    {"x28", spin_with_x28, is_there},
    {"v3", spin_with_v3, is_there},
    {"v15 high", spin_with_v15_high, is_there},
    {"z7", spin_with_wide, has_wide_registers},
    {NULL, NULL, NULL},
};

#else

const struct spinner spinners[] = {{NULL, NULL, NULL}};

#endif
