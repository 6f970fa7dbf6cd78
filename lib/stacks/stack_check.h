/* SPDX-License-Identifier: MIT */
/*
 * stack_check: which calls of a trace still stand on the stack.
 *
 * The argument is in the head of unwind.h: when a call is at its place, and all words that an earlier walk
 * read from there outwards are the same, so are its outer calls. Only the thread that uses the trace calls
 * these functions, and only for calls on its own stack that are not inside of the current one. Not
 * responsible for: walking (unwind).
 */
#ifndef LMM_STACK_CHECK_H
#define LMM_STACK_CHECK_H

#include "lib/stacks/modules.h"
#include "lib/stacks/stack_trace.h"
#include "lib/stacks/stack_walk.h"

/* The drop-in's own code; empty in liblmm; set by lmm_unwind_start(). */
extern struct lmm_own_code {
    uintptr_t start;
    uintptr_t end;
} lmm_own_code __attribute__((visibility("hidden")));

/* Whether an address is in the drop-in's own code. */
static inline bool lmm_unwind_is_own(uintptr_t pc)
{
    return pc - lmm_own_code.start < lmm_own_code.end - lmm_own_code.start;
}

/* Whether the trace may be used: it is this thread's, of its own stack, and of code that is still there. */
static inline bool lmm_trace_is_ready(const struct lmm_trace *trace)
{
    return LMM_LIKELY(trace->thread == lmm_stack_walk_thread() && !trace->is_stray &&
                      trace->forgotten == lmm_load_relaxed(&lmm_code_forgotten));
}

/* The same, and a caller with that pc and sp is on the thread's own stack, and not LMM's. */
static inline bool lmm_trace_is_usual(const struct lmm_trace *trace, uintptr_t pc, uintptr_t sp)
{
    return LMM_LIKELY(lmm_trace_is_ready(trace) && sp >= trace->low && sp < trace->end &&
                      !lmm_unwind_is_own(pc));
}

/* Whether outer calls depend on the bp of call i. */
static inline bool lmm_trace_needs_bp(const struct lmm_trace *trace, uint32_t i)
{
    return (trace->marks[i] & LMM_TRACE_NEEDS_BP) != 0;
}

/* Where the return address of call i, not the innermost, is on the stack. */
static inline uintptr_t lmm_trace_return_at(const struct lmm_trace *trace, uint32_t i)
{
    return LMM_CFI_RETURN_VARIES ? trace->at[i] : trace->sp[i] - sizeof(uintptr_t);
}

/* How a return address differs from what it was; 0: it is the same. place, pc: of one call of the trace. */
static inline uintptr_t lmm_return_change(const uintptr_t *place, const uintptr_t *pc)
{
    const uintptr_t *word = (const uintptr_t *) *place - (LMM_CFI_RETURN_VARIES ? 0 : 1);

    return lmm_cfi_code(*word) ^ *pc;
}

/* Whether everything between the calls `call` and `outer` is unchanged on the stack. */
static inline __attribute__((always_inline)) bool lmm_trace_stands(const struct lmm_trace *trace,
                                                                   uint32_t call, uint32_t outer)
{
    const uintptr_t *pc = &trace->pc[call];
    const uintptr_t *end = &trace->pc[outer];
    const size_t to_place = (size_t) ((LMM_CFI_RETURN_VARIES ? trace->at : trace->sp) - trace->pc);

    for (uint32_t k = trace->word_count; k-- > 0 && trace->word[k].call > outer;) {
        const struct lmm_trace_word *word = &trace->word[k];
        if (word->call <= call && LMM_UNLIKELY(*word->address != word->value)) {
            return false;
        }
    }
    for (; pc - end >= 4; pc -= 4) {
        const uintptr_t *place = pc + to_place;
        if (LMM_UNLIKELY(lmm_return_change(place - 1, pc - 1) != 0 ||
                         lmm_return_change(place - 2, pc - 2) != 0 ||
                         lmm_return_change(place - 3, pc - 3) != 0 ||
                         lmm_return_change(place - 4, pc - 4) != 0)) {
            return false;
        }
    }
    while (pc != end) {
        pc--;
        if (LMM_UNLIKELY(lmm_return_change(pc + to_place, pc) != 0)) {
            return false;
        }
    }
    return true;
}

/* The outermost call, at or inside of call `outer`, that has everything between it and `call` unchanged on
 * the stack. */
LMM_NOINLINE uint32_t lmm_trace_stands_to(const struct lmm_trace *trace, uint32_t call,
                                          uint32_t outer);

/* Whether the calls of the trace from `call` outwards, as many as are asked for or as the stack has, are
 * unchanged. Otherwise *ret_left: so many calls of the trace may be met after this one. room: for calls that
 * are asked for. */
static inline __attribute__((always_inline)) bool
lmm_trace_rest_stands(const struct lmm_trace *trace, uint32_t call, uint32_t room,
                      uint32_t *ret_left)
{
    uint32_t outer = call + 1 > room ? call + 1 - room : 0;

    if (LMM_LIKELY(lmm_trace_stands(trace, call, outer) && (call + 1 >= room || trace->is_whole))) {
        return true;
    }
    *ret_left = lmm_trace_stands_to(trace, call, outer); /* the calls inside of it are walked */
    return false;
}

#endif
