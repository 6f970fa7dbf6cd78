/* SPDX-License-Identifier: MIT */
/*
 * unwind: the call stack of the calling thread, exactly, at a few nanoseconds a call.
 *
 * Each return address has a rule (rules.h) that leads to its caller. A thread remembers the stack it saw last: when a walk comes to a call that
 * was there then (same return address, same place on the stack), and each word that the walk read from
 * there on outwards is what it was, then so are all outer calls, and the walk is over. These reads do not
 * wait for one another as the steps of a walk do.
 *
 * Owns nothing; traces are the caller's, one a thread. Invariants:
 *   I1  in a trace, call 0 is the outermost that is kept, and sp falls from call to call
 *   I2  nothing is read but stack that is known to be mapped
 *   I3  hash i is the sum over calls j <= i of pc j x K^j modulo 2^64, for an odd K: so the hash of a stack is
 *       that of its known outer calls and one multiplication for each new inner one
 * Locks: none of its own. Async-signal-safe but for a signal inside lmm_unwind() itself,
 * which the caller keeps from coming here again. x86-64; elsewhere, and for code without rules (JIT), by
 * frame pointers. Not responsible for what identifies a stack (depot).
 */
#ifndef LMM_UNWIND_H
#define LMM_UNWIND_H

#include "lib/ground/base.h"
#include "lib/ground/options.h"

/* The state of a function's caller at the return of a call. */
struct lmm_caller {
    uintptr_t pc; /* where the call returns to */
    uintptr_t sp; /* after the return */
    uintptr_t bp;
};

static inline __attribute__((always_inline)) struct lmm_caller lmm_caller_of(const void *frame)
{
    const uintptr_t *word = frame;

    return (struct lmm_caller) {.pc = word[1], .sp = (uintptr_t) (word + 2), .bp = word[0]};
}

/* The caller of the function in which this stands. */
#define LMM_CALLER() lmm_caller_of(__builtin_frame_address(0))

/* A word of the stack, beside return addresses, on which a walk depended: a bp that was needed later, or
 * where a caller's frame is. */
struct lmm_trace_word {
    const uintptr_t *address;
    uintptr_t value;
    uint32_t call; /* it was read to get from this call to its caller */
};

/* A thread's memory of its stack. All zero: none yet. */
struct lmm_trace {
    uint32_t count;     /* calls */
    bool is_whole;      /* call 0 has no caller */
    bool is_stray;      /* taken in part on another stack: no memory for the next time */
    uint32_t forgotten; /* rules were so often forgotten before this was taken */
    uintptr_t pc[LMM_STACK_FRAMES_MAX];
    uintptr_t sp[LMM_STACK_FRAMES_MAX];
    uint64_t hash[LMM_STACK_FRAMES_MAX]; /* of the pcs of calls [0, i]: I3 */
    uintptr_t bp[LMM_STACK_FRAMES_MAX];  /* where needs_bp; else anything */
    bool needs_bp[LMM_STACK_FRAMES_MAX]; /* whether what is outside of the call depends on bp */
    uint32_t word_count;
    struct lmm_trace_word word[2 * LMM_STACK_FRAMES_MAX]; /* by call, ascending */

    uintptr_t thread; /* whose stack this is */
    uintptr_t low;    /* [low, end) is mapped, and that stack's */
    uintptr_t end;
    uintptr_t stray_low; /* the same of the other stack it was last seen on; both 0: none */
    uintptr_t stray_end;
};

/* The hash of the whole trace, which has calls. */
static inline uint64_t lmm_trace_hash(const struct lmm_trace *trace)
{
    return trace->hash[trace->count - 1];
}

/* Call once. In the drop-in the frames of LMM's own code are left out. False with errno ENOMEM. */
bool lmm_unwind_start(void);

/* Takes the stack from caller outwards, at most `frames` calls (1 to LMM_STACK_FRAMES_MAX), into trace. */
void lmm_unwind(struct lmm_trace *trace, const struct lmm_caller *caller, uint32_t frames);

#endif
