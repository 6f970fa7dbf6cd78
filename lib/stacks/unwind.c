/* SPDX-License-Identifier: MIT */
#include "lib/stacks/unwind.h"

#include "lib/ground/module.h"
#include "lib/stacks/rules.h"
#include "lib/ground/sync.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <ucontext.h>

enum {
    STRAY_BYTES =
        16 * LMM_SYSTEM_PAGE_BYTES, /* looked at of a stack that is not the thread's own */
};

extern void *__libc_stack_end; /* the dynamic loader's: where the main thread's stack begins */

static uint64_t hash_power[LMM_STACK_FRAMES_MAX + 1]; /* of LMM_HASH_MULTIPLIER; set at start */

/* LMM's own code in the drop-in, else nothing; set at start. */
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
    return lmm_rules_start();
}

/* ---- Which stack ------------------------------------------------------------------------------- */

/* Part of a stack that may be read. */
struct bounds {
    uintptr_t low;
    uintptr_t end;
};

/* pthread_self(), but without a call where the compiler knows how. */
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

/* The thread's own stack: the main thread's begins where the loader says, another's below its control
 * block, which glibc puts at the stack's upper end. */
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

/* Another stack, of a signal handler or a coroutine: how far it is mapped from sp on. It grows downwards, so
 * what was found once serves for what is called from there. */
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

/* What may be read from sp on outwards. False: sp is not on the thread's own stack. */
static inline bool find_bounds(struct lmm_trace *trace, uintptr_t sp, struct bounds *ret_bounds)
{
    if (LMM_UNLIKELY(trace->thread != this_thread() || sp < trace->low || sp >= trace->end)) {
        return find_bounds_slow(trace, sp, ret_bounds);
    }
    *ret_bounds = (struct bounds) {trace->low, trace->end};
    return true;
}

/* Reads a word of the stack; false when it is out of bounds. */
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

/* ---- Steps ------------------------------------------------------------------------------------- */

/* A call on the way outwards, and the rule that leads to its caller. */
struct call {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t bp; /* where the rule uses it */
    struct lmm_cfi_rule rule;
};

/* A walk that has come to a call: the state in it, and in outer ones the more. */
struct walk {
    struct lmm_trace *trace;
    uintptr_t pc; /* 0: there is no such call */
    uintptr_t sp;
    uintptr_t bp;
    const uintptr_t *bp_at; /* where bp is; NULL: in `bp` */
    struct bounds bounds;
    bool is_plain; /* on the thread's own stack, no signal in between */
    bool is_exact; /* pc is no return address: a signal came in before it */
    uint32_t count;
    struct call call[LMM_STACK_FRAMES_MAX]; /* from the innermost outwards */
};

/* bp in the call at hand; 0 when that is out of reach. Few rules need it, so it is read only then. */
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

/* From a signal's trampoline to what it interrupted. */
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

/* The frame address by a rule on bp; 0 when it is out of reach. */
static uintptr_t find_cfa_by_bp(struct walk *walk, struct lmm_cfi_rule rule)
{
    uintptr_t address = bp_of(walk) + (uintptr_t) (intptr_t) rule.cfa_offset;

    if (rule.base == LMM_CFI_BP_LOAD && !read_word(&walk->bounds, address, &address)) {
        return 0;
    }
    return address;
}

/* Leads the walk from its call, whose rule is given, to the caller. */
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

/* Past LMM's own frames. */
static inline void skip_own(struct walk *walk)
{
    while (LMM_UNLIKELY(walk->pc >= own_start && walk->pc < own_end)) {
        step(walk, lmm_rule_of(lmm_table_body(&lmm_rules), walk->pc));
    }
}

/* Takes the call at hand, whatever it is, and goes on to its caller. The instruction that a signal
 * interrupted is no return address: it counts as one past it, so that whoever takes one off is inside it. */
static LMM_NOINLINE void walk_call(struct walk *walk)
{
    struct call *call = &walk->call[walk->count++];

    call->pc = walk->pc + walk->is_exact;
    call->sp = walk->sp;
    call->rule = walk->is_exact ? lmm_rule_find(walk->pc, true)
                                : lmm_rule_of(lmm_table_body(&lmm_rules), walk->pc);
    call->bp = lmm_rule_uses_bp(call->rule) ? bp_of(walk) : 0;
    walk->is_exact = false;
    step(walk, call->rule);
}

/* ---- The memory of the last walk ----------------------------------------------------------------- */

/* Down to which call, from `call` on outwards, all is as it was; 0: all of it. */
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

/* Whether the walk stands in call i of the memory. */
static inline bool stands_in(struct walk *walk, uint32_t i)
{
    const struct lmm_trace *trace = walk->trace;

    return trace->sp[i] == walk->sp && trace->pc[i] == walk->pc && walk->is_plain &&
           (!trace->needs_bp[i] || trace->bp[i] == bp_of(walk));
}

/*
 * Takes calls whose callers are found by sp alone, until there is none, or one of another kind, or one that is
 * at the place on the stack where the memory has the same call, or `frames` are taken. *left: calls of the
 * memory that are not inside of where the walk is; the last of them is the one to be met next. This is where
 * the time goes, so what the loop needs is in registers.
 */
static inline void walk_plain_calls(struct walk *walk, uint32_t frames, uint32_t *left)
{
    const struct lmm_trace *trace = walk->trace;
    const struct lmm_table_body *rules = lmm_table_body(&lmm_rules);
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

/* Walks until the memory, or the stack, or the number of frames ends it. Returns how many calls of the
 * memory still stand outside of what was walked. */
static inline uint32_t walk_to_memory(struct walk *walk, uint32_t frames)
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
        left = to; /* the calls between are walked, and not looked at here again */
    }
}

/* Drops calls of the memory that are inside of the first `count`. */
static inline void cut_memory(struct lmm_trace *trace, uint32_t count)
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

/* Remembers what call i, not the outermost, depends on beside return addresses. */
static LMM_NOINLINE void remember_bp(struct lmm_trace *trace, uint32_t i, const struct call *call)
{
    struct lmm_cfi_rule rule = call->rule;
    bool caller_needs = trace->needs_bp[i - 1];
    bool is_same = rule.saved == LMM_CFI_SAME || rule.saved == LMM_CFI_LOST;

    trace->needs_bp[i] = lmm_rule_uses_bp(rule) || (caller_needs && is_same);
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

/* Puts one call on the inside of the memory. */
static inline void push_call(struct lmm_trace *trace, const struct call *call)
{
    uint32_t i = trace->count++;

    trace->pc[i] = call->pc;
    trace->sp[i] = call->sp;
    trace->hash[i] = call->pc * hash_power[i] + (i == 0 ? 0 : trace->hash[i - 1]);
    if (LMM_LIKELY(!lmm_rule_uses_bp(call->rule) && (i == 0 || !trace->needs_bp[i - 1]))) {
        trace->needs_bp[i] = false;
    } else if (i == 0) {
        trace->needs_bp[0] = true;
        trace->bp[0] = call->bp;
    } else {
        remember_bp(trace, i, call);
    }
}

/* Drops the outermost calls, so that `count` are left. */
static LMM_NOINLINE void drop_outermost(struct lmm_trace *trace, uint32_t count)
{
    uint32_t drop = trace->count - count;
    uint32_t gone = 0;

    memmove(trace->pc, trace->pc + drop, count * sizeof(trace->pc[0]));
    memmove(trace->sp, trace->sp + drop, count * sizeof(trace->sp[0]));
    memmove(trace->bp, trace->bp + drop, count * sizeof(trace->bp[0]));
    memmove(trace->needs_bp, trace->needs_bp + drop, count * sizeof(trace->needs_bp[0]));
    for (uint32_t i = 0; i < count; i++) {
        trace->hash[i] = trace->pc[i] * hash_power[i] + (i == 0 ? 0 : trace->hash[i - 1]);
    }
    /* The word that led from the new outermost call outwards is no longer looked at. */
    while (gone < trace->word_count && trace->word[gone].call <= drop) {
        gone++;
    }
    trace->word_count -= gone;
    memmove(trace->word, trace->word + gone, trace->word_count * sizeof(trace->word[0]));
    for (uint32_t i = 0; i < trace->word_count; i++) {
        trace->word[i].call -= drop;
    }
    trace->count = count;
    trace->is_whole = false;
}

void lmm_unwind(struct lmm_trace *trace, const struct lmm_caller *caller, uint32_t frames)
{
    struct walk walk;
    uint32_t forgotten = lmm_load_relaxed(&lmm_rules_forgotten);

    if (LMM_UNLIKELY(trace->is_stray || trace->forgotten != forgotten)) {
        trace->forgotten = forgotten;
        cut_memory(trace, 0);
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
    uint32_t left = walk_to_memory(&walk, frames);
    cut_memory(trace, left);
    trace->is_stray = !walk.is_plain;
    if (left == 0) {
        trace->is_whole = walk.pc == 0;
    } else if (LMM_UNLIKELY(left + walk.count > frames)) {
        drop_outermost(trace, frames - walk.count);
    }
    for (uint32_t i = walk.count; i-- > 0;) {
        push_call(trace, &walk.call[i]);
    }
}
