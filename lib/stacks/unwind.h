/* SPDX-License-Identifier: MIT */
/*
 * unwind: the exact call stack of the calling thread, at a few nanoseconds per call.
 *
 * Each return address has a rule (rules.h) that leads to its caller. A thread remembers its last
 * stack, the trace. When a walk comes to a call that is in the trace (same return address, same
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
 *   I2  nothing is read except stack that is known to be readable: read_word() checks it
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
 * Guesses. Rules exist on x86-64 only. Elsewhere, in code without rules (hand-written assembly),
 * and in code made at run time (JIT), the frame pointer is tried: the word above the saved one is
 * taken for the return address if it follows a call instruction. The call is marked, because its
 * callers may be wrong: a function that uses bp for something else hides calls, or ends the stack.
 *
 * The stack may be small: large records are in the trace, or in static memory under a lock. lmm(7)
 * tells how much of the stack a call of malloc needs, and preload.small_stacks measures it.
 * Not responsible for: numbers of stacks (depot).
 */
#ifndef LMM_UNWIND_H
#define LMM_UNWIND_H

#include "lib/ground/base.h"
#include "lib/ground/options.h"
#include "lib/stacks/cfi.h"

#include <stddef.h>

/* The state of a function's caller at the return of a call. */
struct lmm_caller {
    uintptr_t pc; /* the return address of the call */
    uintptr_t sp; /* after the return */
    uintptr_t bp;
};

static inline __attribute__((always_inline)) struct lmm_caller lmm_caller_of(const void *frame)
{
    const uintptr_t *word = frame;

    return (struct lmm_caller) {.pc = word[1], .sp = (uintptr_t) (word + 2), .bp = word[0]};
}

/* The caller of the function that uses this macro. */
#define LMM_CALLER() lmm_caller_of(__builtin_frame_address(0))

/* A word of the stack, other than a return address, on which the walk depended: a saved bp that an
 * outer call needed, or the address of a caller's frame. */
struct lmm_trace_word {
    const uintptr_t *address;
    uintptr_t value;
    uint32_t call; /* the walk read it to get from this call to its caller */
};

/* What is unusual about a call. */
enum lmm_trace_mark {
    LMM_TRACE_NEEDS_BP = 1, /* outer calls depend on its bp */
    LMM_TRACE_VARIANT = 2,  /* the variant of its module (modules.h) is not 0 */
    LMM_TRACE_GUESSED = 4,  /* its caller, if it has one, was found by a guess */
};

/* A call that a walk passed, and the rule that leads to its caller. */
struct lmm_trace_call {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t bp; /* valid if the rule uses it */
    struct lmm_cfi_rule rule;
};

enum {
    LMM_TRACE_CALLS = 192, /* at most so many in a trace */
    LMM_TRACE_RETURNS = 64,
};

/* A thread's last stack. lmm_trace_clear() makes it empty. */
struct lmm_trace {
    uint32_t first; /* the calls that were asked for are [first, count) */
    uint32_t count; /* calls in the trace */
    uint32_t word_count;
    uint32_t forgotten; /* lmm_code_forgotten when the trace was taken */
    bool is_whole;      /* call 0 has no caller */
    bool is_stray;      /* partly on another stack than the thread's own; not reused */

    uintptr_t thread; /* the thread that uses the trace */
    uintptr_t low;    /* [low, end) is of its own stack */
    uintptr_t end;
    uintptr_t guard;                      /* what is below is of other stacks; 0: not known */
    uintptr_t returns[LMM_TRACE_RETURNS]; /* addresses that follow a call, by some of their bits */

    /* From here on nothing is read before it is written, and calls that a thread never has need no
     * memory. */
    uintptr_t pc[LMM_TRACE_CALLS];
    uintptr_t sp[LMM_TRACE_CALLS];
    uint64_t hash[LMM_TRACE_CALLS];    /* of the pcs of calls [0, i]: I3 */
    uintptr_t bp[LMM_TRACE_CALLS];     /* valid with LMM_TRACE_NEEDS_BP */
    uint16_t variant[LMM_TRACE_CALLS]; /* of a call's module; valid with LMM_TRACE_VARIANT */
    uint8_t marks[LMM_TRACE_CALLS];    /* enum lmm_trace_mark, a bit each */
    struct lmm_trace_word word[2 * LMM_TRACE_CALLS]; /* by call, ascending */

    /* The calls that the current walk has passed, from the innermost outwards. They are here
     * because the stack may be small. */
    struct lmm_trace_call call[LMM_STACK_FRAMES_MAX];
};

/* Makes a trace empty, also one in memory of any contents. */
static inline void lmm_trace_clear(struct lmm_trace *trace)
{
    __builtin_memset(trace, 0, offsetof(struct lmm_trace, pc));
}

/* The variant of the module of call i. */
static inline uint32_t lmm_trace_variant(const struct lmm_trace *trace, uint32_t i)
{
    return (trace->marks[i] & LMM_TRACE_VARIANT) != 0 ? trace->variant[i] : 0;
}

/* What stands for a call in the hash: I3. */
static inline uint64_t lmm_trace_word_of(uintptr_t pc, uint32_t variant)
{
    return pc + variant * (uint64_t) 0xD6E8FEB86659FD93u;
}

/* By i: the factor that divides by K^i modulo 2^64. */
extern uint64_t lmm_trace_inverse[LMM_TRACE_CALLS] __attribute__((visibility("hidden")));

/* The hash of the calls [first, count), of which there is at least one, as if no other call were in
 * the trace. */
static inline uint64_t lmm_trace_hash(const struct lmm_trace *trace)
{
    uint64_t hash = trace->hash[trace->count - 1];

    return LMM_LIKELY(trace->first == 0)
               ? hash
               : (hash - trace->hash[trace->first - 1]) * lmm_trace_inverse[trace->first];
}

/* Call before the first walk, while there is one thread. In the drop-in, traces begin outside of LMM's
 * own code. It may stand further out in them, where LMM has passed a call on (preload/operators). False with errno ENOMEM; may then be called again. */
bool lmm_unwind_start(void);

/*
 * Puts the stack of the calling thread from caller outwards into trace: the innermost calls, at
 * most frames (1 to LMM_STACK_FRAMES_MAX), become [first, count). trace: only this thread uses it;
 * it holds the last stack, or is empty.
 */
void lmm_unwind(struct lmm_trace *trace, const struct lmm_caller *caller, uint32_t frames);

/* Whether an address is in the drop-in's own code. */
bool lmm_unwind_is_own(uintptr_t pc);

/* Checks I1 and I3. The thread that uses the trace. O(calls). */
bool lmm_trace_is_valid(const struct lmm_trace *trace);

#endif
