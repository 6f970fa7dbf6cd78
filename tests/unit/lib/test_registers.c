/* SPDX-License-Identifier: MIT */
/* registers: a signal interrupts a function that has a word in one register, or in a frame that has ended. */
#include "lib/leaks/registers.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)

/* The word's complement, so that the word itself is nowhere else. */
static const uintptr_t hidden = ~(uintptr_t) 0x5a5a12345678;
static volatile bool is_found;

__attribute__((no_sanitize("address"))) static void look(const void *from, const void *to,
                                                         void *arg)
{
    (void) arg;
    for (const uintptr_t *at = from; at + 1 <= (const uintptr_t *) to; at++) {
        is_found = is_found || ~*at == hidden;
    }
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void) number;
    (void) info;
    lmm_registers_visit(context, look, NULL);
}

/* Loads the word from %0, whose complement it is, forgets it there, and asks the kernel for the signal. */
#define INTERRUPT_WITH(load, ...)                                                                  \
    do {                                                                                           \
        uintptr_t word = hidden;                                                                   \
        long result = SYS_tgkill;                                                                  \
        __asm__ volatile("not %1\n\t" load "\n\txor %1, %1\n\tsyscall"                             \
                         : "+a"(result), "+&b"(word)                                               \
                         : "D"(getpid()), "S"(gettid()), "d"(SIGUSR1)                              \
                         : "rcx", "r11", "memory", "cc", __VA_ARGS__);                             \
    } while (0)

static void in_general(void)
{
    INTERRUPT_WITH("mov %1, %%r13", "r13");
}

static void in_vector(void)
{
    INTERRUPT_WITH("movq %1, %%xmm15", "xmm15");
}

/* A processor without AVX has the word in a register that all have. */
static void in_upper_half(void)
{
    if (!__builtin_cpu_supports("avx")) {
        in_vector();
        return;
    }
    INTERRUPT_WITH("vmovq %1, %%xmm14\n\tvxorps %%ymm15, %%ymm15, %%ymm15\n\t"
                   "vinsertf128 $1, %%xmm14, %%ymm15, %%ymm15\n\t"
                   "vxorps %%ymm14, %%ymm14, %%ymm14",
                   "xmm14", "xmm15");
}

static void in_late_vector(void)
{
    if (!__builtin_cpu_supports("avx512f")) {
        in_vector();
        return;
    }
    INTERRUPT_WITH("vpbroadcastq %1, %%zmm31", "cc");
}

static void nowhere(void)
{
    INTERRUPT_WITH("xor %1, %1", "cc");
}

enum { FRAME_BYTES = 32000 };

/* By bytes, so that no register gets the word. */
static __attribute__((noinline)) unsigned char fill_frame(void)
{
    volatile unsigned char frame[FRAME_BYTES] __attribute__((aligned(sizeof(uintptr_t))));

    for (size_t i = 0; i < FRAME_BYTES; i++) {
        frame[i] = (unsigned char) ~(hidden >> i % sizeof(hidden) * CHAR_BIT);
    }
    return frame[0];
}

/* The kernel saves the registers over an old frame; what it does not write there is no register. */
static void in_old_frame(void)
{
    cr_assert(fill_frame() == (unsigned char) ~hidden);
    INTERRUPT_WITH("xor %1, %1", "cc");
}

static const struct {
    const char *name;
    void (*interrupt)(void);
    bool is_register;
} cases[] = {
    /* those with a word in a vector register leave it there */
    {"no register", nowhere, false},
    {"a frame that has ended", in_old_frame, false},
    {"a general register", in_general, true},
    {"a vector register", in_vector, true},
    {"the upper half of a vector register", in_upper_half, true},
    {"a vector register of AVX-512", in_late_vector, true},
};

Test(registers, words)
{
    const struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

    lmm_registers_start();
    cr_assert(sigaction(SIGUSR1, &action, NULL) == 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_found = false;
        cases[i].interrupt();
        cr_expect(is_found == cases[i].is_register, "%s", cases[i].name);
    }
}

#else

Test(registers, words)
{
    cr_skip("a processor whose registers this test does not know");
}

#endif
