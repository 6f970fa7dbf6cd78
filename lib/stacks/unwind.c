/* SPDX-License-Identifier: MIT */
#include "lib/stacks/unwind.h"

#include "lib/ground/module.h"
#include "lib/stacks/rules.h"
#include "lib/stacks/stack_check.h"
#include "lib/stacks/stack_walk.h"

#include <string.h>

enum { KEPT_CALLS = 96 }; /* of a full trace so many are kept, for new ones to fit in */

/* All three are set at start. */
uint64_t lmm_trace_power[LMM_TRACE_CALLS];
uint64_t lmm_trace_inverse[LMM_TRACE_CALLS];
struct lmm_own_code lmm_own_code;

static void fill_powers(void)
{
    uint64_t inverse = 1; /* of the multiplier modulo 2 */

    for (uint32_t bits = 1; bits < 64; bits *= 2) {
        inverse *= 2 - LMM_HASH_MULTIPLIER * inverse; /* Newton: twice as many bits are right */
    }
    lmm_trace_power[0] = lmm_trace_inverse[0] = 1;
    for (size_t i = 1; i < LMM_TRACE_CALLS; i++) {
        lmm_trace_power[i] = lmm_trace_power[i - 1] * LMM_HASH_MULTIPLIER;
        lmm_trace_inverse[i] = lmm_trace_inverse[i - 1] * inverse;
    }
}

bool lmm_unwind_start(void)
{
    struct lmm_module_facts own;

    lmm_stack_walk_start();
    fill_powers();
    if (LMM_DROP_IN && lmm_module_find((uintptr_t) &lmm_unwind_start, &own)) {
        lmm_own_code = (struct lmm_own_code) {.start = own.start, .end = own.end};
    }
    return lmm_modules_start();
}

static inline void skip_own(struct lmm_stack_walk *walk)
{
    while (LMM_UNLIKELY(lmm_unwind_is_own(walk->pc))) {
        lmm_stack_walk_step(walk, lmm_rule_of(lmm_table_body(&lmm_code_words), walk->pc));
    }
}

/* Adds the current call, of any kind, and goes to its caller. For an instruction that a signal
 * interrupted the trace holds pc + 1, because readers subtract 1 from a return address. */
static LMM_NOINLINE void walk_call(struct lmm_stack_walk *walk)
{
    struct lmm_trace_call *call = &walk->trace->call[walk->count++];

    call->pc = walk->pc + walk->is_exact;
    call->sp = walk->sp;
    call->rule = lmm_stack_walk_rule(walk);
    call->bp = lmm_rule_uses_bp(call->rule) ? lmm_stack_walk_bp(walk) : 0;
    walk->is_exact = false;
    lmm_stack_walk_step(walk, call->rule);
}

/* ---- The trace of the last walk -------------------------------------------------------------- */

uint32_t lmm_trace_stands_to(const struct lmm_trace *trace, uint32_t call, uint32_t outer)
{
    const uintptr_t *place = LMM_CFI_RETURN_VARIES ? trace->at : trace->sp;

    for (uint32_t k = trace->word_count; k-- > 0 && trace->word[k].call > outer;) {
        const struct lmm_trace_word *word = &trace->word[k];
        if (word->call <= call && *word->address != word->value) {
            outer = word->call;
            break;
        }
    }
    while (call != outer && lmm_return_change(&place[call - 1], &trace->pc[call - 1]) == 0) {
        call--;
    }
    return call;
}

/* Drops the inner calls of the trace, so that `count` outer ones are left. */
static inline void drop_inner(struct lmm_trace *trace, uint32_t count)
{
    trace->count = count;
    while (trace->word_count != 0 && trace->word[trace->word_count - 1].call >= count) {
        trace->word_count--;
    }
}

static inline bool stands_in(struct lmm_stack_walk *walk, uint32_t i)
{
    const struct lmm_trace *trace = walk->trace;

    return trace->sp[i] == walk->sp && trace->pc[i] == walk->pc && walk->is_plain &&
           (!lmm_trace_needs_bp(trace, i) || trace->bp[i] == lmm_stack_walk_bp(walk));
}

/* Where the next call of the trace that can be met stands. `left`: how many can be. */
static inline uintptr_t place_of(const struct lmm_trace *trace, uint32_t left)
{
    return left == 0 ? UINTPTR_MAX : trace->sp[left - 1];
}

/*
 * Adds calls whose callers are found by sp alone, until the rest of the stack is in the trace (then it
 * returns true), the stack ends, there are `frames` calls, or a call is of another kind. *left: how many
 * calls of the trace are not inside of the current call; the walk can meet the last of them next. It does
 * not keep walk->bp_at: find_saved_bp(). Most of the time is spent here.
 */
static inline __attribute__((always_inline)) bool walk_plain_calls(struct lmm_stack_walk *walk,
                                                                   uint32_t frames, uint32_t *left)
{
    struct lmm_trace *trace = walk->trace;
    const struct lmm_table_body *rules = lmm_table_body(&lmm_code_words);
    struct lmm_trace_call *call = &trace->call[walk->count];
    const struct lmm_trace_call *end_call = &trace->call[frames];
    uintptr_t pc = walk->pc;
    uintptr_t sp = walk->sp;
    uint32_t next = *left;
    uintptr_t next_sp = place_of(trace, next);
    bool is_met = false;

    while (call != end_call && pc != 0) {
        if (sp >= next_sp) {
            while (place_of(trace, next) < sp) {
                next--;
            }
            if (place_of(trace, next) == sp) {
                bool is_same = trace->pc[next - 1] == pc;
                if (is_same && LMM_UNLIKELY(lmm_trace_needs_bp(trace, next - 1))) {
                    break;
                }
                if (is_same &&
                    lmm_trace_rest_stands(trace, next - 1, (uint32_t) (end_call - call), &next)) {
                    is_met = true;
                    break;
                }
                next -= !is_same;
            }
            next_sp = place_of(trace, next);
        }
        struct lmm_cfi_rule rule = lmm_rule_of(rules, pc);
        uintptr_t cfa = lmm_cfi_at(sp, rule.cfa_offset);
        if (LMM_UNLIKELY(!lmm_rule_is_plain(rule) || cfa > walk->end)) {
            break;
        }
        call->pc = pc;
        call->sp = sp;
        call->rule = rule;
        call++;
        pc = lmm_cfi_code(*(const uintptr_t *) lmm_cfi_return_at(rule, sp, cfa));
        sp = cfa;
    }
    *left = next;
    walk->count = (uint32_t) (call - trace->call);
    walk->pc = pc;
    walk->sp = sp;
    return is_met;
}

/* Finds where bp is saved when the calls from `first` on were plain ones. */
static void find_saved_bp(struct lmm_stack_walk *walk, uint32_t first)
{
    uintptr_t cfa = walk->sp;

    for (uint32_t i = walk->count; i-- > first;) {
        const struct lmm_trace_call *call = &walk->trace->call[i];
        if (call->rule.saved == LMM_CFI_IN_FRAME) {
            walk->bp_at = (const uintptr_t *) lmm_cfi_bp_at(call->rule, call->sp, cfa);
            return;
        }
        cfa = call->sp;
    }
}

static inline bool has_ended(const struct lmm_stack_walk *walk, uint32_t frames)
{
    return walk->pc == 0 || walk->count == frames;
}

/* Walks on from a call of any kind until the rest of the stack is in the trace (then it returns true), the
 * stack ends, or there are `frames` calls. */
static LMM_NOINLINE bool walk_any_calls(struct lmm_stack_walk *walk, uint32_t frames,
                                        uint32_t *left)
{
    bool is_met = false;

    while (!is_met && !has_ended(walk, frames)) {
        if (*left != 0 && stands_in(walk, *left - 1) &&
            lmm_trace_rest_stands(walk->trace, *left - 1, frames - walk->count, left)) {
            return true;
        }
        walk_call(walk);
        if (!walk->is_plain) {
            *left = 0;
        }
        if (!walk->is_exact && !walk->lacks_sp) {
            uint32_t first = walk->count;
            is_met = walk_plain_calls(walk, frames, left);
            find_saved_bp(walk, first);
        }
    }
    return is_met;
}

/* The value of the register that the rule of a call starts at. */
static inline uintptr_t base_of(const struct lmm_trace_call *call)
{
    return call->rule.base == LMM_CFI_SP ? call->sp : call->bp;
}

static void remember_word(struct lmm_trace *trace, uintptr_t address, uintptr_t value,
                          uint32_t call)
{
    trace->word[trace->word_count++] =
        (struct lmm_trace_word) {(const uintptr_t *) address, value, call};
}

/* Records what the outer calls of call i, not the outermost, need besides return addresses. */
static void remember_bp(struct lmm_trace *trace, uint32_t i, const struct lmm_trace_call *call)
{
    struct lmm_cfi_rule rule = call->rule;
    bool caller_needs = lmm_trace_needs_bp(trace, i - 1);
    bool is_same = rule.saved == LMM_CFI_SAME || rule.saved == LMM_CFI_LOST;

    if (lmm_rule_uses_bp(rule) || (caller_needs && is_same)) {
        trace->marks[i] |= LMM_TRACE_NEEDS_BP;
    }
    trace->bp[i] = lmm_rule_uses_bp(rule) ? call->bp : trace->bp[i - 1];
    if (caller_needs && !is_same) {
        uintptr_t at = rule.saved == LMM_CFI_IN_FRAME
                           ? lmm_cfi_bp_at(rule, base_of(call), trace->sp[i - 1])
                           : lmm_cfi_at(call->bp, rule.bp_offset);
        remember_word(trace, at, trace->bp[i - 1], i);
    }
    if (rule.base == LMM_CFI_BP_LOAD) {
        remember_word(trace, lmm_cfi_at(call->bp, rule.cfa_offset), trace->sp[i - 1], i);
    }
}

/* The same for any call that is not a simple one, and its other marks; it has none so far. */
static LMM_NOINLINE void mark_call(struct lmm_trace *trace, uint32_t i,
                                   const struct lmm_trace_call *call)
{
    struct lmm_cfi_rule rule = call->rule;

    if (rule.variant != 0) {
        trace->marks[i] |= LMM_TRACE_VARIANT;
        trace->variant[i] = rule.variant;
        trace->hash[i] += lmm_trace_word_of(0, rule.variant) * lmm_trace_power[i];
    }
    if (rule.base == LMM_CFI_GUESS) {
        trace->marks[i] |= LMM_TRACE_GUESSED;
    }
    if (i > 0) {
        remember_bp(trace, i, call);
    } else if (lmm_rule_uses_bp(rule)) {
        trace->marks[0] |= LMM_TRACE_NEEDS_BP;
        trace->bp[0] = call->bp;
    }
}

/* Notes where the return addresses to calls are, of the calls that a walk has passed and of the one that it
 * has met: each is in the frame of the next inner call. */
static inline void note_places(struct lmm_trace *trace, uint32_t count)
{
    if (!LMM_CFI_RETURN_VARIES || count == 0) {
        return;
    }
    uintptr_t *at = &trace->at[trace->count];
    const struct lmm_trace_call *inner = &trace->call[count - 1];

    if (trace->count != 0) {
        at[-1] = lmm_cfi_return_at(inner->rule, base_of(inner), 0);
    }
    while (inner != trace->call) {
        inner--;
        *at++ = lmm_cfi_return_at(inner->rule, base_of(inner), 0);
    }
}

/* Adds the calls that a walk has passed, `count` of them, on the inside of the trace. */
static inline void push_calls(struct lmm_trace *trace, uint32_t count)
{
    uint32_t at = trace->count;
    uint64_t hash = at == 0 ? 0 : trace->hash[at - 1];
    bool caller_needs_bp = at != 0 && lmm_trace_needs_bp(trace, at - 1);

    note_places(trace, count);
    for (const struct lmm_trace_call *call = &trace->call[count]; call-- != trace->call; at++) {
        hash += call->pc * lmm_trace_power[at];
        trace->pc[at] = call->pc;
        trace->sp[at] = call->sp;
        trace->hash[at] = hash;
        trace->marks[at] = 0;
        if (LMM_UNLIKELY(caller_needs_bp || !lmm_rule_is_simple(call->rule))) {
            mark_call(trace, at, call);
            hash = trace->hash[at];
            caller_needs_bp = lmm_trace_needs_bp(trace, at);
        }
    }
    trace->count = at;
}

static uint64_t hash_term(const struct lmm_trace *trace, uint32_t i)
{
    return lmm_trace_word_of(trace->pc[i], lmm_trace_variant(trace, i)) * lmm_trace_power[i];
}

/* Drops the outermost calls, so that `count` inner ones are left. */
static LMM_NOINLINE void drop_outer(struct lmm_trace *trace, uint32_t count)
{
    uint32_t drop = trace->count - count;
    uint32_t words = 0; /* to drop */

    memmove(trace->pc, trace->pc + drop, count * sizeof(trace->pc[0]));
    memmove(trace->sp, trace->sp + drop, count * sizeof(trace->sp[0]));
    memmove(trace->bp, trace->bp + drop, count * sizeof(trace->bp[0]));
    if (LMM_CFI_RETURN_VARIES) {
        memmove(trace->at, trace->at + drop, count * sizeof(trace->at[0]));
    }
    memmove(trace->variant, trace->variant + drop, count * sizeof(trace->variant[0]));
    memmove(trace->marks, trace->marks + drop, count * sizeof(trace->marks[0]));
    for (uint32_t i = 0; i < count; i++) {
        trace->hash[i] = hash_term(trace, i) + (i == 0 ? 0 : trace->hash[i - 1]);
    }
    /* Also the word that led from the new outermost call outwards. */
    while (words < trace->word_count && trace->word[words].call <= drop) {
        words++;
    }
    trace->word_count -= words;
    memmove(trace->word, trace->word + words, trace->word_count * sizeof(trace->word[0]));
    for (uint32_t i = 0; i < trace->word_count; i++) {
        trace->word[i].call -= drop;
    }
    trace->count = count;
    trace->is_whole = false;
}

bool lmm_trace_is_valid(const struct lmm_trace *trace)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < trace->count; i++) {
        hash += hash_term(trace, i);
        if (trace->hash[i] != hash ||
            (i > 0 && !trace->is_stray && trace->sp[i] >= trace->sp[i - 1])) {
            return false;
        }
    }
    return trace->first <= trace->count && trace->count <= LMM_TRACE_CALLS;
}

/* Puts what a walk has found into the trace: `count` calls inside of `left` calls of the trace. */
static inline void update(struct lmm_trace *trace, uint32_t frames, uint32_t left, uint32_t count,
                          bool has_ended_whole)
{
    drop_inner(trace, left);
    if (left == 0) {
        trace->is_whole = has_ended_whole;
    } else if (LMM_UNLIKELY(left + count > LMM_TRACE_CALLS)) {
        drop_outer(trace, KEPT_CALLS);
    }
    push_calls(trace, count);
    trace->first = trace->count > frames ? trace->count - frames : 0;
    LMM_CHECK(lmm_trace_is_valid(trace));
}

/* Starts a walk in any state. Returns how many calls of the trace it can meet. */
static uint32_t start(struct lmm_stack_walk *walk)
{
    struct lmm_trace *trace = walk->trace;
    uint32_t forgotten = lmm_load_relaxed(&lmm_code_forgotten);

    if (trace->forgotten != forgotten) {
        trace->forgotten = forgotten;
        lmm_trace_forget(trace);
    } else if (trace->is_stray) {
        drop_inner(trace, 0);
    }
    lmm_stack_walk_bounds(walk);
    walk->is_plain = walk->is_own;
    skip_own(walk);
    return walk->is_plain ? trace->count : 0;
}

/* As lmm_unwind(). usual: a walk that has come to a call that it cannot pass; NULL: none has started. */
static LMM_NOINLINE uint32_t unwind_any(struct lmm_trace *trace, const struct lmm_caller *caller,
                                        uint32_t frames, const struct lmm_stack_walk *usual,
                                        uint32_t left)
{
    struct lmm_stack_walk walk = {
        .trace = trace, .pc = caller->pc, .sp = caller->sp, .bp = caller->bp};

    if (usual != NULL) {
        walk.floor = walk.low = caller->sp;
        walk.pc = usual->pc;
        walk.sp = usual->sp;
        walk.end = usual->end;
        walk.count = usual->count;
        walk.is_own = walk.is_plain = true;
        find_saved_bp(&walk, 0);
    } else {
        left = start(&walk);
    }
    bool is_met = walk_any_calls(&walk, frames, &left);
    trace->is_stray = !walk.is_plain;
    update(trace, frames, is_met ? left : 0, walk.count, walk.pc == 0);
    return walk.count;
}

uint32_t lmm_unwind(struct lmm_trace *trace, const struct lmm_caller *caller, uint32_t frames)
{
    struct lmm_stack_walk walk = {
        .trace = trace, .pc = caller->pc, .sp = caller->sp, .end = trace->end};
    uint32_t left = trace->count;
    bool usual = lmm_trace_is_usual(trace, caller->pc, caller->sp);
    bool is_met = usual && walk_plain_calls(&walk, frames, &left);

    LMM_CHECK(frames >= 1 && frames <= LMM_STACK_FRAMES_MAX);
    if (LMM_LIKELY(is_met || (usual && has_ended(&walk, frames)))) {
        update(trace, frames, is_met ? left : 0, walk.count, walk.pc == 0);
        return walk.count;
    }
    struct lmm_stack_walk copy = walk;
    return unwind_any(trace, caller, frames, usual ? &copy : NULL, left);
}
