/* SPDX-License-Identifier: MIT */
/*
 * unwind: the exact call stack of the calling thread, at a few nanoseconds per call.
 *
 * Each return address has a rule (rules.h) that leads to its caller. A thread remembers the last stack
 * that it walked, the trace. When a walk comes to a call that is in the trace (same return address, same
 * place on the stack), and every word that an earlier walk read from there outwards has the same
 * value, then all outer calls are the same, too, and the walk ends. These reads do not wait for one
 * another, as the steps of a walk do.
 *
 * A trace holds more calls than are asked for: when the program returns from some, as many outer
 * ones are needed, and are there. The words of calls outside of those that are asked for are not
 * compared, so such calls may have changed. They are compared when they are asked for.
 *
 * Owns nothing; each thread has a trace of its own, kept by the caller. Invariants:
 *   I1  call 0 of a trace is its outermost call; on one stack, sp falls from each call to the next
 *       inner one
 *   I2  nothing is read except stack that is known to be readable (stack_walk.h)
 *   I3  hash i is the sum over calls j <= i of (pc j + variant j x V) x K^j modulo 2^64, K and V
 *       odd. So the hash of a stack is that of its outer calls and one multiplication for each new
 *       inner call, and it is of the code, not of its addresses alone
 * I1 and I3 are checked by lmm_trace_is_valid(), after each walk in builds with internal checks.
 * Locks: none; MODULES when a rule is new. Async-signal-safe, if the caller makes sure that a
 * signal handler does not use the trace of a thread that is in lmm_unwind().
 *
 * What is readable. A thread's own stack is readable from sp to its end, because all of that is in
 * use. Its end is known; whether sp is on it is found out by checking each system page in between,
 * once. On any other stack, of a coroutine or a signal handler, the system page of sp is in use.
 * Each further one is checked when a walk comes to it, anew in each walk: what lies beyond the
 * outermost call is not in use, and the program may protect or unmap it at any time.
 *
 * Guesses. Rules exist on x86-64 and AArch64. Elsewhere, in code without rules (hand-written assembly),
 * and in code made at run time (JIT), the frame pointer is tried: the word above the saved one is
 * taken for the return address if it follows a call instruction. The call is marked, because its
 * callers may be wrong: a function that uses bp for something else hides calls, or ends the stack. On
 * AArch64 a frame pointer does not tell where the caller's sp is; so the frame pointers of the callers
 * are tried, too, until one has a rule on bp.
 *
 * The stack may be small: large records are in the trace, or in static memory under a lock. lmm(7)
 * tells how much of the stack a call of malloc needs, and preload.small_stacks measures it.
 * Not responsible for: numbers of stacks (depot).
 */
#ifndef LMM_UNWIND_H
#define LMM_UNWIND_H

#include "lib/ground/base.h"
#include "lib/stacks/stack_trace.h"

/* The state of a function's caller at the return of a call. */
struct lmm_caller {
    uintptr_t pc; /* the return address of the call */
    uintptr_t sp; /* after the return */
    uintptr_t bp;
};

/* frame: where a function has saved its caller's bp, and then the return address. cfa: the sp after the
 * function's return. */
static inline __attribute__((always_inline)) struct lmm_caller lmm_caller_of(const void *frame,
                                                                             const void *cfa)
{
    const uintptr_t *word = frame;

    return (struct lmm_caller) {.pc = lmm_cfi_code(word[1]), .sp = (uintptr_t) cfa, .bp = word[0]};
}

/* The caller of the function that uses this macro. On x86-64 the CFA is after the two words. */
#if defined(__aarch64__)
#define LMM_CALLER() lmm_caller_of(__builtin_frame_address(0), __builtin_dwarf_cfa())
#else
#define LMM_CALLER()                                                                               \
    lmm_caller_of(__builtin_frame_address(0), (uintptr_t *) __builtin_frame_address(0) + 2)
#endif

/* Call before the first walk, while there is one thread. In the drop-in, traces begin outside of LMM's
 * own code. It may stand further out in them, where LMM has passed a call on (preload/operators). False with errno ENOMEM; may then be called again. */
bool lmm_unwind_start(void);

/*
 * Puts the stack of the calling thread from caller outwards into trace: the innermost calls, at
 * most frames (1 to LMM_STACK_FRAMES_MAX), become [first, count). trace: only this thread uses it;
 * it holds an earlier stack, or is empty. Returns how many calls the walk has passed: those are the
 * innermost of the trace, and the next one, if there is one, was in it before.
 */
uint32_t lmm_unwind(struct lmm_trace *trace, const struct lmm_caller *caller, uint32_t frames);

/* Checks I1 and I3. The thread that uses the trace. O(calls). */
bool lmm_trace_is_valid(const struct lmm_trace *trace);

#endif
