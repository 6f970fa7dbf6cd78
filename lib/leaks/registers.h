/* SPDX-License-Identifier: MIT */
/*
 * registers: what a thread's registers hold, its stack pointer and its thread pointer.
 *
 * Of a thread that a signal interrupted, the kernel has saved all registers on its stack; the
 * functions here find them in the handler's third argument. x86-64 and aarch64. Owns nothing;
 * async-signal-safe, and touches no thread-local storage.
 */
#ifndef LMM_REGISTERS_H
#define LMM_REGISTERS_H

#include "lib/ground/base.h"

#if defined(__x86_64__)
enum {
    LMM_REGISTERS_SAVED = 6,
    LMM_RED_ZONE_BYTES = 128, /* below the stack pointer, which leaf functions use */
};
#else
enum { LMM_REGISTERS_SAVED = 20, LMM_RED_ZONE_BYTES = 0 };
#endif

/* What a function must preserve for its caller; all others are dead while it runs. */
struct lmm_saved_registers {
    uintptr_t words[LMM_REGISTERS_SAVED];
    uintptr_t sp; /* the caller's stack, from its own frame on */
};

/*
 * Writes them, as they are in the function that this is inlined into. The caller's of that function are
 * among them, or saved in its frame, which *ret_saved's sp includes.
 */
static inline __attribute__((always_inline)) void
lmm_registers_save(struct lmm_saved_registers *ret_saved)
{
#if defined(__x86_64__)
    __asm__ volatile("mov %%rbx, 0(%0)\n\t"
                     "mov %%rbp, 8(%0)\n\t"
                     "mov %%r12, 16(%0)\n\t"
                     "mov %%r13, 24(%0)\n\t"
                     "mov %%r14, 32(%0)\n\t"
                     "mov %%r15, 40(%0)\n\t"
                     "mov %%rsp, 48(%0)"
                     :
                     : "r"(ret_saved)
                     : "memory");
    _Static_assert(offsetof(struct lmm_saved_registers, sp) == 48, "as the instructions have it");
#elif defined(__aarch64__)
    /* x19 to x30, and the halves of v8 to v15 that a function preserves. */
    uintptr_t sp;
    __asm__ volatile("stp x19, x20, [%1, #0]\n\t"
                     "stp x21, x22, [%1, #16]\n\t"
                     "stp x23, x24, [%1, #32]\n\t"
                     "stp x25, x26, [%1, #48]\n\t"
                     "stp x27, x28, [%1, #64]\n\t"
                     "stp x29, x30, [%1, #80]\n\t"
                     "stp d8, d9, [%1, #96]\n\t"
                     "stp d10, d11, [%1, #112]\n\t"
                     "stp d12, d13, [%1, #128]\n\t"
                     "stp d14, d15, [%1, #144]\n\t"
                     "mov %0, sp"
                     : "=&r"(sp)
                     : "r"(ret_saved)
                     : "memory");
    ret_saved->sp = sp;
#else
    *ret_saved = (struct lmm_saved_registers) {.sp = (uintptr_t) __builtin_frame_address(0)};
#endif
}

/* Finds out what the processor has; call before lmm_registers_tp(). */
void lmm_registers_start(void);

/* The calling thread's thread pointer; 0: it has none. */
uintptr_t lmm_registers_tp(void);

/* Of a ucontext_t: the stack pointer where the thread was interrupted. */
uintptr_t lmm_registers_sp(const void *context);

/* Calls visit for the ranges that hold a ucontext_t's registers, vector registers included. */
void lmm_registers_visit(const void *context,
                         void (*visit)(const void *from, const void *to, void *arg), void *arg);

#endif
