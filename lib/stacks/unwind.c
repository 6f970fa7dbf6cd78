/* SPDX-License-Identifier: MIT */
#include "lib/stacks/unwind.h"

#include "lib/ground/module.h"
#include "lib/ground/vm.h"
#include "lib/stacks/rules.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <ucontext.h>

enum {
    OWN_BYTES_MAX = 1 << 26,   /* a thread's own stack is longer: it is read as another stack is */
    GUESS_BYTES_MAX = 1 << 20, /* a frame found by a guess is shorter */
    KEPT_CALLS = 96,           /* of a full trace so many calls are kept, for new ones to fit in */
};

extern void *__libc_stack_end; /* of the dynamic loader: where the main thread's stack begins */

uint64_t lmm_trace_inverse[LMM_TRACE_CALLS];
static uint64_t hash_power[LMM_TRACE_CALLS]; /* of LMM_HASH_MULTIPLIER; both are set at start */

static uintptr_t main_thread; /* set at start */

/* The drop-in's own code; empty in liblmm; set at start. */
static uintptr_t own_start;
static uintptr_t own_end;

/* pthread_self(), but without a call where the compiler has a builtin for it. */
static inline uintptr_t this_thread(void)
{
#if defined(__x86_64__)
    return (uintptr_t) __builtin_thread_pointer();
#else
    return (uintptr_t) pthread_self();
#endif
}

static void fill_powers(void)
{
    uint64_t inverse = 1; /* of the multiplier modulo 2 */

    for (uint32_t bits = 1; bits < 64; bits *= 2) {
        inverse *= 2 - LMM_HASH_MULTIPLIER * inverse; /* Newton: twice as many bits are right */
    }
    hash_power[0] = lmm_trace_inverse[0] = 1;
    for (size_t i = 1; i < LMM_TRACE_CALLS; i++) {
        hash_power[i] = hash_power[i - 1] * LMM_HASH_MULTIPLIER;
        lmm_trace_inverse[i] = lmm_trace_inverse[i - 1] * inverse;
    }
}

bool lmm_unwind_start(void)
{
    struct lmm_module_facts own;

    main_thread = this_thread();
    fill_powers();
    if (LMM_DROP_IN && lmm_module_find((uintptr_t) &lmm_unwind_start, &own)) {
        own_start = own.start;
        own_end = own.end;
    }
    return lmm_modules_start();
}

/* A walk, and the state of the call that it has come to. */
struct walk {
    struct lmm_trace *trace;
    uintptr_t pc; /* 0: the stack has ended */
    uintptr_t sp;
    uintptr_t bp;
    const uintptr_t *bp_at; /* where bp is saved; NULL: it is in bp */
    uintptr_t floor;        /* nothing below is read: frames lead outwards */
    uintptr_t low;          /* [low, end) can be read; sp is in it, or is its end */
    uintptr_t end;
    uintptr_t page; /* on another stack: one more system page that can be read; 0: none */
    bool is_own;    /* sp is on the thread's own stack */
    bool is_plain;  /* all on the thread's own stack, and no signal frame so far */
    bool is_exact;  /* pc is not a return address but the instruction that a signal interrupted */
    uint32_t count; /* passed calls: trace->call */
};

/* ---- What can be read ------------------------------------------------------------------------ */

static uintptr_t page_floor(uintptr_t address)
{
    return address & ~(uintptr_t) (LMM_SYSTEM_PAGE_BYTES - 1);
}

/* Finds the thread's own stack. The loader tells where the main thread's begins. Another thread's
 * begins below its control block, which glibc puts at the upper end of the stack. */
static void meet_thread(struct lmm_trace *trace, uintptr_t thread)
{
    uintptr_t end = thread == main_thread ? (uintptr_t) __libc_stack_end : thread;

    trace->count = 0;
    trace->word_count = 0;
    trace->thread = thread;
    trace->low = page_floor(end);
    trace->end = end & ~(uintptr_t) (sizeof(uintptr_t) - 1);
    trace->guard = 0;
}

/* Whether sp is on the thread's own stack: whether that can be read all the way from sp on. Below a
 * thread's stack is its guard page, and the main thread's has no neighbour. */
static bool reaches_own(struct lmm_trace *trace, uintptr_t sp)
{
    uintptr_t page = page_floor(sp);

    if (sp >= trace->end || sp < trace->guard || trace->end - sp > OWN_BYTES_MAX) {
        return false;
    }
    while (trace->low > page) {
        if (!lmm_vm_is_readable(trace->low - LMM_SYSTEM_PAGE_BYTES)) {
            trace->guard = trace->low;
            return false;
        }
        trace->low -= LMM_SYSTEM_PAGE_BYTES;
    }
    return true;
}

static LMM_NOINLINE void find_bounds_slow(struct walk *walk, uintptr_t thread)
{
    struct lmm_trace *trace = walk->trace;

    if (trace->thread != thread) {
        meet_thread(trace, thread);
    }
    walk->is_own = reaches_own(trace, walk->sp);
    walk->low = walk->sp;
    walk->end = trace->end;
    if (!walk->is_own) {
        /* The word below sp was the return address, so its page is in use. Nothing is known of the
         * stack of an instruction that a signal interrupted. */
        walk->end = walk->is_exact ? walk->sp : lmm_round_up(walk->sp, LMM_SYSTEM_PAGE_BYTES);
    }
}

/* Finds what can be read from sp outwards. */
static inline void find_bounds(struct walk *walk)
{
    const struct lmm_trace *trace = walk->trace;
    uintptr_t thread = this_thread();

    walk->floor = walk->sp;
    walk->page = 0;
    if (LMM_UNLIKELY(trace->thread != thread || walk->sp < trace->low || walk->sp >= trace->end)) {
        find_bounds_slow(walk, thread);
        return;
    }
    walk->is_own = true;
    walk->low = walk->sp;
    walk->end = trace->end;
}

/* The same for a word that is not in [low, end). */
static LMM_NOINLINE bool can_read(struct walk *walk, uintptr_t address)
{
    uintptr_t page = page_floor(address);

    if (walk->is_own || address < walk->floor) {
        return false;
    }
    if (page == walk->page) {
        return true;
    }
    if (!lmm_vm_is_readable(address)) {
        return false;
    }
    if (page == walk->end) {
        walk->end += LMM_SYSTEM_PAGE_BYTES;
    } else {
        walk->page = page;
    }
    return true;
}

/* Reads a word of the stack. False: it cannot be read. */
static inline bool read_word(struct walk *walk, uintptr_t address, uintptr_t *ret_word)
{
    bool is_inside = address >= walk->low && address < walk->end;

    if (LMM_UNLIKELY(address % sizeof(uintptr_t) != 0 ||
                     (!is_inside && !can_read(walk, address)))) {
        return false;
    }
    *ret_word = *(const uintptr_t *) address;
    return true;
}

/* Reads the return address below the caller's sp, on the way to it. */
static bool read_return(struct walk *walk, uintptr_t cfa, uintptr_t *ret_pc)
{
    uintptr_t address = cfa - sizeof(uintptr_t);

    if (!read_word(walk, address, ret_pc)) {
        return false;
    }
    if (address >= walk->end) { /* a frame that is longer than a page lies between */
        walk->low = page_floor(address);
        walk->end = walk->low + LMM_SYSTEM_PAGE_BYTES;
    }
    return true;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* bp in the current call; 0 if it is out of bounds. Few rules need it, so it is read only then. */
static uintptr_t bp_of(struct walk *walk)
{
    if (walk->bp_at != NULL) {
        if (!read_word(walk, (uintptr_t) walk->bp_at, &walk->bp)) {
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
    uintptr_t sp = 0;

    if (!read_word(walk, (uintptr_t) &registers[REG_RIP], &walk->pc) ||
        !read_word(walk, (uintptr_t) &registers[REG_RSP], &sp) ||
        !read_word(walk, (uintptr_t) &registers[REG_RBP], &walk->bp)) {
        walk->pc = 0;
        return;
    }
    walk->sp = sp;
    walk->bp_at = NULL;
    walk->is_plain = false;
    walk->is_exact = true;
    find_bounds(walk);
#else
    walk->pc = 0;
#endif
}

/* The CFA by a rule on bp; 0 if it is out of bounds. */
static uintptr_t find_cfa_by_bp(struct walk *walk, struct lmm_cfi_rule rule)
{
    uintptr_t address = bp_of(walk) + (uintptr_t) (intptr_t) rule.cfa_offset;

    if (rule.base == LMM_CFI_BP_LOAD && !read_word(walk, address, &address)) {
        return 0;
    }
    return address;
}

/* Whether a word that a guess found may be a return address. */
static bool is_return(struct lmm_trace *trace, uintptr_t word)
{
    uintptr_t *known = &trace->returns[word % LMM_TRACE_RETURNS];

    if (*known == word && word != 0) {
        return true;
    }
    if (!lmm_rule_is_after_call(word)) {
        return false;
    }
    *known = word;
    return true;
}

/* Whether bp looks like the frame pointer of the current call. */
static bool fits(struct walk *walk, uintptr_t cfa)
{
    uintptr_t word;

    return cfa - walk->sp < GUESS_BYTES_MAX && read_word(walk, cfa - sizeof(word), &word) &&
           is_return(walk->trace, word);
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
    if (cfa <= walk->sp || (rule.base == LMM_CFI_GUESS && !fits(walk, cfa)) ||
        !read_return(walk, cfa, &walk->pc)) {
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

bool lmm_unwind_is_own(uintptr_t pc)
{
    return pc >= own_start && pc < own_end;
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
    struct lmm_trace_call *call = &walk->trace->call[walk->count++];

    call->pc = walk->pc + walk->is_exact;
    call->sp = walk->sp;
    call->rule = walk->is_exact ? lmm_rule_find(walk->pc, true)
                                : lmm_rule_of(lmm_table_body(&lmm_code_words), walk->pc);
    call->bp = lmm_rule_uses_bp(call->rule) ? bp_of(walk) : 0;
    walk->is_exact = false;
    step(walk, call->rule);
}

/* ---- The trace of the last walk -------------------------------------------------------------- */

/* How a return address differs from what it was; 0: it is the same. */
static inline uintptr_t return_change(const struct lmm_trace *trace, uint32_t i)
{
    return ((const uintptr_t *) trace->sp[i])[-1] ^ trace->pc[i];
}

/* The outermost call, at or inside of call `outer`, that has everything between it and `call`
 * unchanged on the stack. Most of the time nothing is changed. */
static inline uint32_t unchanged_to(const struct lmm_trace *trace, uint32_t call, uint32_t outer)
{
    uint32_t i = call;
    uint32_t to = outer;

    for (uint32_t k = trace->word_count; k-- > 0 && trace->word[k].call > outer;) {
        const struct lmm_trace_word *word = &trace->word[k];
        if (word->call <= call && *word->address != word->value) {
            to = word->call;
            break;
        }
    }
    while (i >= to + 4 && (return_change(trace, i - 1) | return_change(trace, i - 2) |
                           return_change(trace, i - 3) | return_change(trace, i - 4)) == 0) {
        i -= 4;
    }
    while (i > to && return_change(trace, i - 1) == 0) {
        i--;
    }
    return i;
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
    struct lmm_trace_call *call = &walk->trace->call[walk->count];
    const struct lmm_trace_call *end_call = &walk->trace->call[frames];
    const uintptr_t end = walk->end;
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
    walk->count = (uint32_t) (call - walk->trace->call);
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
        uint32_t room = frames - walk->count; /* for calls that are asked for */
        uint32_t outer = left > room ? left - room : 0;
        uint32_t to = unchanged_to(trace, left - 1, outer);
        if (to == outer && (left >= room || trace->is_whole)) {
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
static void remember_bp(struct lmm_trace *trace, uint32_t i, const struct lmm_trace_call *call)
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
static LMM_NOINLINE void mark_call(struct lmm_trace *trace, uint32_t i,
                                   const struct lmm_trace_call *call)
{
    struct lmm_cfi_rule rule = call->rule;

    trace->marks[i] = 0;
    if (rule.variant != 0) {
        trace->marks[i] |= LMM_TRACE_VARIANT;
        trace->variant[i] = rule.variant;
        trace->hash[i] += lmm_trace_word_of(0, rule.variant) * hash_power[i];
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

/* Adds one call on the inside of the trace. */
static inline void push_call(struct lmm_trace *trace, const struct lmm_trace_call *call)
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
    return trace->first <= trace->count && trace->count <= LMM_TRACE_CALLS;
}

void lmm_unwind(struct lmm_trace *trace, const struct lmm_caller *caller, uint32_t frames)
{
    struct walk walk = {
        .trace = trace,
        .pc = caller->pc,
        .sp = caller->sp,
        .bp = caller->bp,
    };
    uint32_t forgotten = lmm_load_relaxed(&lmm_code_forgotten);

    LMM_CHECK(frames >= 1 && frames <= LMM_STACK_FRAMES_MAX);
    if (LMM_UNLIKELY(trace->is_stray || trace->forgotten != forgotten)) {
        trace->forgotten = forgotten;
        drop_inner(trace, 0);
    }
    find_bounds(&walk);
    walk.is_plain = walk.is_own;
    skip_own(&walk);
    uint32_t left = walk_to_trace(&walk, frames);
    drop_inner(trace, left);
    trace->is_stray = !walk.is_plain;
    if (left == 0) {
        trace->is_whole = walk.pc == 0;
    } else if (LMM_UNLIKELY(left + walk.count > LMM_TRACE_CALLS)) {
        drop_outer(trace, KEPT_CALLS);
    }
    for (uint32_t i = walk.count; i-- > 0;) {
        push_call(trace, &trace->call[i]);
    }
    trace->first = trace->count > frames ? trace->count - frames : 0;
    LMM_CHECK(lmm_trace_is_valid(trace));
}
