/* SPDX-License-Identifier: MIT */
/*
 * stack_trace: what a thread remembers of the last call stack that it walked.
 *
 * Its invariants and who may change it: unwind.h. This file only lays it out, and reads it.
 */
#ifndef LMM_STACK_TRACE_H
#define LMM_STACK_TRACE_H

#include "lib/ground/base.h"
#include "lib/ground/options.h"
#include "lib/stacks/cfi.h"

#include <stddef.h>

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

#define LMM_TRACE_NO_GENERATION UINT32_MAX /* of no trace */

/* A thread's last stack. lmm_trace_clear() makes it empty. */
struct lmm_trace {
    uint32_t first; /* the calls that were asked for are [first, count) */
    uint32_t count; /* calls in the trace */
    uint32_t word_count;
    uint32_t forgotten;  /* lmm_code_forgotten when the trace was taken */
    bool is_whole;       /* call 0 has no caller */
    bool is_stray;       /* partly on another stack than the thread's own; not reused */
    uint32_t generation; /* how often the trace was forgotten */

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

    /* Where the pc of a call is saved, except of the innermost one; on x86-64 always below sp. */
    uintptr_t at[LMM_CFI_RETURN_VARIES ? LMM_TRACE_CALLS : 1];
};

/* Makes a trace empty, also one in memory of any contents. */
static inline void lmm_trace_clear(struct lmm_trace *trace)
{
    __builtin_memset(trace, 0, offsetof(struct lmm_trace, pc));
}

/* Drops all calls, also those that recall.h keeps: code or stack are others now. */
static inline void lmm_trace_forget(struct lmm_trace *trace)
{
    trace->count = 0;
    trace->word_count = 0;
    trace->generation = (trace->generation + 1) % LMM_TRACE_NO_GENERATION;
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

/* By i: K^i modulo 2^64, and the factor that divides by it. */
extern uint64_t lmm_trace_power[LMM_TRACE_CALLS] __attribute__((visibility("hidden")));
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

#endif
