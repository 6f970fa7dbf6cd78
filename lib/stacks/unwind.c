/* SPDX-License-Identifier: MIT */
#include "lib/stacks/unwind.h"

#include "lib/ground/module.h"
#include "lib/ground/vm.h"
#include "lib/stacks/rules.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <ucontext.h>

/* How much of a stack that is not the thread's own is read. */
enum { STRAY_BYTES = 16 * LMM_SYSTEM_PAGE_BYTES };

extern void *__libc_stack_end; /* of the dynamic loader: where the main thread's stack begins */

static uint64_t hash_power[LMM_STACK_FRAMES_MAX + 1]; /* of LMM_HASH_MULTIPLIER; set at start */

/* The drop-in's own code; empty in liblmm; set at start. */
static uintptr_t own_start;
static uintptr_t own_end;

bool lmm_unwind_start(void)
{
    struct lmm_module_facts own;

    hash_power[0] = 1;
    for (size_t i = 0; i < LMM_STACK_FRAMES_MAX; i++) {
        hash_power[i + 1] = hash_power[i] * LMM_HASH_MULTIPLIER;
    }
    if (LMM_DROP_IN && lmm_module_find((uintptr_t) &lmm_unwind_start, &own)) {
        own_start = own.start;
        own_end = own.end;
    }
    return lmm_modules_start();
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

struct bounds {
    uintptr_t low;
    uintptr_t end;
};

/* pthread_self(), but without a call where the compiler has a builtin for it. */
static inline uintptr_t this_thread(void)
{
#if defined(__x86_64__)
    return (uintptr_t) __builtin_thread_pointer();
#else
    return (uintptr_t) pthread_self();
#endif
}

static uintptr_t page_floor(uintptr_t address)
{
    return address & ~(uintptr_t) (LMM_SYSTEM_PAGE_BYTES - 1);
}

/* Finds the thread's own stack. The loader tells where the main thread's begins. Another thread's
 * begins below its control block, which glibc puts at the upper end of the stack. */
static void meet_thread(struct lmm_trace *trace, uintptr_t thread, uintptr_t sp)
{
    uintptr_t main_end = (uintptr_t) __libc_stack_end;

    trace->count = 0;
    trace->word_count = 0;
    trace->thread = thread;
    trace->end = sp < thread && thread - sp < ((uintptr_t) 1 << 30) ? thread : main_end;
    trace->low = page_floor(trace->end);
    trace->end &= ~(uintptr_t) (sizeof(uintptr_t) - 1);
    trace->stray_low = trace->stray_end = 0;
}

/* Finds how far another stack, of a signal handler or a coroutine, is mapped from sp on. It grows
 * downwards, so bounds that were found once are extended for inner calls. */
static void meet_stray(struct lmm_trace *trace, uintptr_t sp)
{
    uintptr_t page = page_floor(sp);
    bool continues = sp < trace->stray_low && trace->stray_low - page <= STRAY_BYTES &&
                     lmm_vm_is_mapped((void *) page, trace->stray_low - page);

    trace->stray_low = page;
    if (continues) {
        return;
    }
    trace->stray_end = page;
    while (trace->stray_end - page < STRAY_BYTES &&
           lmm_vm_is_mapped((void *) trace->stray_end, LMM_SYSTEM_PAGE_BYTES)) {
        trace->stray_end += LMM_SYSTEM_PAGE_BYTES;
    }
}

static LMM_NOINLINE bool find_bounds_slow(struct lmm_trace *trace, uintptr_t sp,
                                          struct bounds *ret_bounds)
{
    uintptr_t thread = this_thread();

    if (trace->thread != thread) {
        meet_thread(trace, thread, sp);
    }
    bool is_stray = sp >= trace->stray_low && sp < trace->stray_end;
    if (sp < trace->low && !is_stray) {
        uintptr_t page = page_floor(sp);
        if (lmm_vm_is_mapped((void *) page, trace->low - page)) {
            trace->low = page;
        }
    }
    bool is_own = sp >= trace->low && sp < trace->end;
    if (!is_own && !is_stray) {
        meet_stray(trace, sp);
    }
    *ret_bounds = is_own ? (struct bounds) {trace->low, trace->end}
                         : (struct bounds) {trace->stray_low, trace->stray_end};
    return is_own;
}

/* Finds what may be read from sp outwards. False: sp is not on the thread's own stack. */
static inline bool find_bounds(struct lmm_trace *trace, uintptr_t sp, struct bounds *ret_bounds)
{
    if (LMM_UNLIKELY(trace->thread != this_thread() || sp < trace->low || sp >= trace->end)) {
        return find_bounds_slow(trace, sp, ret_bounds);
    }
    *ret_bounds = (struct bounds) {trace->low, trace->end};
    return true;
}

/* Reads a word of the stack. False: it is out of bounds. */
static inline bool read_word(const struct bounds *bounds, uintptr_t address, uintptr_t *ret_word)
{
    if (LMM_UNLIKELY(address < bounds->low || address >= bounds->end ||
                     bounds->end - address < sizeof(uintptr_t) ||
                     address % sizeof(uintptr_t) != 0)) {
        return false;
    }
    *ret_word = *(const uintptr_t *) address;
    return true;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* A call that the walk passed, and the rule that leads to its caller. */
struct call {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t bp; /* valid if the rule uses it */
    struct lmm_cfi_rule rule;
};

/* A walk, and the state of the call that it has come to. */
struct walk {
    struct lmm_trace *trace;
    uintptr_t pc; /* 0: the stack has ended */
    uintptr_t sp;
    uintptr_t bp;
    const uintptr_t *bp_at; /* where bp is saved; NULL: it is in bp */
    struct bounds bounds;
    bool is_plain; /* all on the thread's own stack, and no signal frame so far */
    bool is_exact; /* pc is not a return address but the instruction that a signal interrupted */
    uint32_t count;
    struct call call[LMM_STACK_FRAMES_MAX]; /* the passed calls, from the innermost outwards */
};

/* bp in the current call; 0 if it is out of bounds. Few rules need it, so it is read only then. */
static uintptr_t bp_of(struct walk *walk)
{
    if (walk->bp_at != NULL) {
        if (!read_word(&walk->bounds, (uintptr_t) walk->bp_at, &walk->bp)) {
            walk->bp = 0;
        }
        walk->bp_at = NULL;
    }
    return walk->bp;
}

/* Goes from a signal's trampoline to the instruction that the signal interrupted. */
static void step_signal(struct walk *walk)
{
#if defined(__x86_64__)
    const ucontext_t *context = (const void *) walk->sp;
    const greg_t *registers = context->uc_mcontext.gregs;

    walk->pc = 0;
    if (walk->sp < walk->bounds.low || walk->sp + sizeof(*context) > walk->bounds.end) {
        return;
    }
    walk->pc = (uintptr_t) registers[REG_RIP];
    walk->sp = (uintptr_t) registers[REG_RSP];
    walk->bp = (uintptr_t) registers[REG_RBP];
    walk->bp_at = NULL;
    walk->is_plain = false;
    walk->is_exact = true;
    find_bounds(walk->trace, walk->sp, &walk->bounds);
#else
    walk->pc = 0;
#endif
}

/* The CFA by a rule on bp; 0 if it is out of bounds. */
static uintptr_t find_cfa_by_bp(struct walk *walk, struct lmm_cfi_rule rule)
{
    uintptr_t address = bp_of(walk) + (uintptr_t) (intptr_t) rule.cfa_offset;

    if (rule.base == LMM_CFI_BP_LOAD && !read_word(&walk->bounds, address, &address)) {
        return 0;
    }
    return address;
}

/* Goes from the current call, whose rule is given, to its caller. */
static LMM_NOINLINE void step(struct walk *walk, struct lmm_cfi_rule rule)
{
    uintptr_t cfa;

    if (rule.base == LMM_CFI_SIGNAL) {
        step_signal(walk);
        return;
    }
    if (rule.base == LMM_CFI_END || rule.base == LMM_CFI_UNKNOWN) {
        walk->pc = 0;
        return;
    }
    cfa = rule.base == LMM_CFI_SP ? walk->sp + (uintptr_t) (intptr_t) rule.cfa_offset
                                  : find_cfa_by_bp(walk, rule);
    if (cfa <= walk->sp || !read_word(&walk->bounds, cfa - sizeof(uintptr_t), &walk->pc)) {
        walk->pc = 0;
        return;
    }
    if (rule.saved == LMM_CFI_AT_CFA) {
        walk->bp_at = (const uintptr_t *) (cfa + (uintptr_t) (intptr_t) rule.bp_offset);
    } else if (rule.saved == LMM_CFI_AT_BP) {
        walk->bp_at = (const uintptr_t *) (bp_of(walk) + (uintptr_t) (intptr_t) rule.bp_offset);
    }
    walk->sp = cfa;
}

static inline void skip_own(struct walk *walk)
{
    while (LMM_UNLIKELY(walk->pc >= own_start && walk->pc < own_end)) {
        step(walk, lmm_rule_of(lmm_table_body(&lmm_code_words), walk->pc));
    }
}

/* Adds the current call, of any kind, and goes to its caller. For an instruction that a signal
 * interrupted the trace holds pc + 1, because readers subtract 1 from a return address. */
static LMM_NOINLINE void walk_call(struct walk *walk)
{
    struct call *call = &walk->call[walk->count++];

    call->pc = walk->pc + walk->is_exact;
    call->sp = walk->sp;
    call->rule = walk->is_exact ? lmm_rule_find(walk->pc, true)
                                : lmm_rule_of(lmm_table_body(&lmm_code_words), walk->pc);
    call->bp = lmm_rule_uses_bp(call->rule) ? bp_of(walk) : 0;
    walk->is_exact = false;
    step(walk, call->rule);
}

/* ---- The trace of the last walk -------------------------------------------------------------- */

/* The outermost call that has everything between it and `call` unchanged on the stack; 0: call
 * 0. */
static inline uint32_t unchanged_to(const struct lmm_trace *trace, uint32_t call)
{
    uint32_t to = 0;

    for (uint32_t i = trace->word_count; i-- > 0;) {
        const struct lmm_trace_word *word = &trace->word[i];
        if (word->call <= call && *word->address != word->value) {
            to = word->call;
            break;
        }
    }
    for (uint32_t i = call; i-- > to;) {
        if (((const uintptr_t *) trace->sp[i])[-1] != trace->pc[i]) {
            return i + 1;
        }
    }
    return to;
}

static inline bool stands_in(struct walk *walk, uint32_t i)
{
    const struct lmm_trace *trace = walk->trace;

    return trace->sp[i] == walk->sp && trace->pc[i] == walk->pc && walk->is_plain &&
           ((trace->marks[i] & LMM_TRACE_NEEDS_BP) == 0 || trace->bp[i] == bp_of(walk));
}

/*
 * Adds calls whose callers are found by sp alone, until the stack ends, a call is of another kind,
 * a call is at its place in the trace, or there are `frames` calls. *left: how many calls of the
 * trace are not inside of the current call; the walk can meet the last of them next. Most of the
 * time is spent here, so the loop keeps its state in registers.
 */
static inline void walk_plain_calls(struct walk *walk, uint32_t frames, uint32_t *left)
{
    const struct lmm_trace *trace = walk->trace;
    const struct lmm_table_body *rules = lmm_table_body(&lmm_code_words);
    struct call *call = &walk->call[walk->count];
    const struct call *end_call = &walk->call[frames];
    const uintptr_t end = walk->bounds.end;
    const uintptr_t *bp_at = walk->bp_at;
    uintptr_t pc = walk->pc;
    uintptr_t sp = walk->sp;
    uint32_t next = *left;

    while (call != end_call && pc != 0) {
        while (next != 0 && trace->sp[next - 1] <= sp) {
            if (trace->pc[next - 1] == pc && trace->sp[next - 1] == sp) {
                goto met;
            }
            next--;
        }
        struct lmm_cfi_rule rule = lmm_rule_of(rules, pc);
        uintptr_t cfa = sp + (uintptr_t) (intptr_t) rule.cfa_offset;
        if (LMM_UNLIKELY(!lmm_rule_is_plain(rule) || cfa > end)) {
            break;
        }
        call->pc = pc;
        call->sp = sp;
        call->rule = rule;
        call++;
        if (rule.saved == LMM_CFI_AT_CFA) {
            bp_at = (const uintptr_t *) (cfa + (uintptr_t) (intptr_t) rule.bp_offset);
        }
        pc = ((const uintptr_t *) cfa)[-1];
        sp = cfa;
    }
met:
    *left = next;
    walk->count = (uint32_t) (call - walk->call);
    walk->bp_at = bp_at;
    walk->pc = pc;
    walk->sp = sp;
}

/* Walks until it meets an unchanged part of the trace, the stack ends, or there are `frames` calls.
 * Returns how many calls of the trace are still valid, outside of the walked ones. */
static inline uint32_t walk_to_trace(struct walk *walk, uint32_t frames)
{
    const struct lmm_trace *trace = walk->trace;
    uint32_t left = trace->count;

    while (true) {
        if (LMM_LIKELY(!walk->is_exact)) {
            walk_plain_calls(walk, frames, &left);
        }
        if (walk->pc == 0 || walk->count == frames) {
            return 0;
        }
        if (left == 0 || !stands_in(walk, left - 1)) {
            walk_call(walk);
            continue;
        }
        uint32_t to = unchanged_to(trace, left - 1);
        if (to == 0 && (trace->is_whole || walk->count + left >= frames)) {
            return left;
        }
        left = to; /* the calls inside of it have changed, and are walked */
    }
}

/* Drops the inner calls of the trace, so that `count` outer ones are left. */
static inline void drop_inner(struct lmm_trace *trace, uint32_t count)
{
    trace->count = count;
    while (trace->word_count != 0 && trace->word[trace->word_count - 1].call >= count) {
        trace->word_count--;
    }
}

static void remember_word(struct lmm_trace *trace, uintptr_t address, uintptr_t value,
                          uint32_t call)
{
    trace->word[trace->word_count++] =
        (struct lmm_trace_word) {(const uintptr_t *) address, value, call};
}

static bool needs_bp(const struct lmm_trace *trace, uint32_t i)
{
    return (trace->marks[i] & LMM_TRACE_NEEDS_BP) != 0;
}

/* Records what the outer calls of call i, not the outermost, need besides return addresses. */
static void remember_bp(struct lmm_trace *trace, uint32_t i, const struct call *call)
{
    struct lmm_cfi_rule rule = call->rule;
    bool caller_needs = needs_bp(trace, i - 1);
    bool is_same = rule.saved == LMM_CFI_SAME || rule.saved == LMM_CFI_LOST;

    if (lmm_rule_uses_bp(rule) || (caller_needs && is_same)) {
        trace->marks[i] |= LMM_TRACE_NEEDS_BP;
    }
    trace->bp[i] = lmm_rule_uses_bp(rule) ? call->bp : trace->bp[i - 1];
    if (caller_needs && !is_same) {
        uintptr_t base = rule.saved == LMM_CFI_AT_CFA ? trace->sp[i - 1] : call->bp;
        remember_word(trace, base + (uintptr_t) (intptr_t) rule.bp_offset, trace->bp[i - 1], i);
    }
    if (rule.base == LMM_CFI_BP_LOAD) {
        remember_word(trace, call->bp + (uintptr_t) (intptr_t) rule.cfa_offset, trace->sp[i - 1],
                      i);
    }
}

/* The same for any call that is not a simple one, and its other marks. */
static LMM_NOINLINE void mark_call(struct lmm_trace *trace, uint32_t i, const struct call *call)
{
    struct lmm_cfi_rule rule = call->rule;

    trace->marks[i] = 0;
    if (rule.variant != 0) {
        trace->marks[i] |= LMM_TRACE_VARIANT;
        trace->variant[i] = rule.variant;
        trace->hash[i] += lmm_trace_word_of(0, rule.variant) * hash_power[i];
    }
    if (i > 0) {
        remember_bp(trace, i, call);
    } else if (lmm_rule_uses_bp(rule)) {
        trace->marks[0] |= LMM_TRACE_NEEDS_BP;
        trace->bp[0] = call->bp;
    }
}

/* Adds one call on the inside of the trace. */
static inline void push_call(struct lmm_trace *trace, const struct call *call)
{
    uint32_t i = trace->count++;

    trace->pc[i] = call->pc;
    trace->sp[i] = call->sp;
    trace->hash[i] = call->pc * hash_power[i] + (i == 0 ? 0 : trace->hash[i - 1]);
    if (LMM_LIKELY(lmm_rule_is_simple(call->rule) && (i == 0 || !needs_bp(trace, i - 1)))) {
        trace->marks[i] = 0;
    } else {
        mark_call(trace, i, call);
    }
}

static uint64_t hash_term(const struct lmm_trace *trace, uint32_t i)
{
    return lmm_trace_word_of(trace->pc[i], lmm_trace_variant(trace, i)) * hash_power[i];
}

/* Drops the outermost calls, so that `count` inner ones are left. */
static LMM_NOINLINE void drop_outer(struct lmm_trace *trace, uint32_t count)
{
    uint32_t drop = trace->count - count;
    uint32_t words = 0; /* to drop */

    memmove(trace->pc, trace->pc + drop, count * sizeof(trace->pc[0]));
    memmove(trace->sp, trace->sp + drop, count * sizeof(trace->sp[0]));
    memmove(trace->bp, trace->bp + drop, count * sizeof(trace->bp[0]));
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
    return trace->count <= LMM_STACK_FRAMES_MAX;
}

void lmm_unwind(struct lmm_trace *trace, const struct lmm_caller *caller, uint32_t frames)
{
    struct walk walk;
    uint32_t forgotten = lmm_load_relaxed(&lmm_code_forgotten);

    LMM_CHECK(frames >= 1 && frames <= LMM_STACK_FRAMES_MAX);
    if (LMM_UNLIKELY(trace->is_stray || trace->forgotten != forgotten)) {
        trace->forgotten = forgotten;
        drop_inner(trace, 0);
    }
    walk.trace = trace;
    walk.pc = caller->pc;
    walk.sp = caller->sp;
    walk.bp = caller->bp;
    walk.bp_at = NULL;
    walk.count = 0;
    walk.is_exact = false;
    walk.is_plain = find_bounds(trace, caller->sp, &walk.bounds);
    skip_own(&walk);
    uint32_t left = walk_to_trace(&walk, frames);
    drop_inner(trace, left);
    trace->is_stray = !walk.is_plain;
    if (left == 0) {
        trace->is_whole = walk.pc == 0;
    } else if (LMM_UNLIKELY(left + walk.count > frames)) {
        drop_outer(trace, frames - walk.count);
    }
    for (uint32_t i = walk.count; i-- > 0;) {
        push_call(trace, &walk.call[i]);
    }
    LMM_CHECK(lmm_trace_is_valid(trace));
}
