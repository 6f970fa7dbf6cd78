/* SPDX-License-Identifier: MIT */
#include "unwind.h"

#include "cfi.h"
#include "meta.h"
#include "module.h"
#include "sync.h"
#include "vm.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <ucontext.h>

enum {
    RULES_FIRST = 4096,
    STRAY_BYTES = 16 * LMM_SYSTEM_PAGE_BYTES,    /* looked at of a stack that is not the thread's own */
};

extern void *__libc_stack_end;     /* the dynamic loader's: where the main thread's stack begins */

/* ---- Rules ------------------------------------------------------------------------------------- */

struct entry {
    uintptr_t pc;                  /* 0: empty; atomic */
    uint64_t rule;                 /* 0: not known any more; atomic */
};

struct table {
    size_t mask;                   /* entries - 1 */
    size_t used;                   /* under the lock; at most half */
    struct entry entry[];
};

static struct {
    struct lmm_lock lock;
    struct table *table;           /* atomic; outgrown ones stay, for who still reads them */
    uint32_t forgotten;            /* how often rules were; atomic */
    uintptr_t own_start;           /* LMM's own code; immutable */
    uintptr_t own_end;
} rules = {.lock = LMM_LOCK_INIT(LMM_RANK_RULES)};

static uint64_t rule_bits(struct lmm_cfi_rule rule)
{
    uint64_t bits;

    memcpy(&bits, &rule, sizeof(bits));
    return bits;
}

static struct lmm_cfi_rule rule_of_bits(uint64_t bits)
{
    struct lmm_cfi_rule rule;

    memcpy(&rule, &bits, sizeof(rule));
    return rule;
}

static size_t hash(uintptr_t pc)
{
    return (size_t) ((pc * 0x9E3779B97F4A7C15u) >> 32);
}

/* The entry of pc, or the empty one where it belongs. */
static inline struct entry *entry_of(struct table *table, uintptr_t pc)
{
    size_t i = hash(pc) & table->mask;
    uintptr_t found;

    while ((found = lmm_load_acquire(&table->entry[i].pc)) != pc && found != 0) {
        i = (i + 1) & table->mask;
    }
    return &table->entry[i];
}

static struct table *table_create(size_t entries)
{
    struct table *table = lmm_meta_zalloc(sizeof(*table) + entries * sizeof(struct entry));

    if (table != NULL) {
        table->mask = entries - 1;
    }
    return table;
}

/* Puts what is known into a table twice as large. False: no memory; then nothing new is kept. */
static bool table_grow_locked(void)
{
    struct table *old = rules.table;
    struct table *larger = table_create(2 * (old->mask + 1));

    if (larger == NULL) {
        return false;
    }
    for (size_t i = 0; i <= old->mask; i++) {
        if (old->entry[i].pc != 0) {
            *entry_of(larger, old->entry[i].pc) = old->entry[i];
            larger->used++;
        }
    }
    lmm_store_release(&rules.table, larger);
    return true;
}

static void keep_rule(uintptr_t pc, uint64_t bits)
{
    lmm_lock_acquire(&rules.lock);
    if (2 * rules.table->used <= rules.table->mask || table_grow_locked()) {
        struct entry *entry = entry_of(rules.table, pc);
        lmm_store_relaxed(&entry->rule, bits);
        if (entry->pc == 0) {
            rules.table->used++;
            lmm_store_release(&entry->pc, pc);
        }
    }
    lmm_lock_release(&rules.lock);
}

/* As compilers leave it that keep a frame pointer. */
static const struct lmm_cfi_rule frame_pointer_rule = {
    .cfa_offset = 2 * sizeof(uintptr_t),
    .bp_offset = -2 * (int16_t) sizeof(uintptr_t),
    .base = LMM_CFI_BP,
    .saved = LMM_CFI_AT_CFA,
};

/* Code that no module holds is made at run time, comes and goes, and is asked for each time anew. */
static LMM_NOINLINE struct lmm_cfi_rule find_rule(uintptr_t pc, bool exact)
{
    struct lmm_module_facts module;
    struct lmm_cfi_rule rule = {.base = LMM_CFI_END};

    if (!lmm_module_find(exact ? pc : pc - 1, &module)) {
        return frame_pointer_rule;
    }
    if (!lmm_cfi_find(module.eh_frame_hdr, pc, exact, &rule) || rule.base == LMM_CFI_UNKNOWN) {
        rule = (struct lmm_cfi_rule) {.base = LMM_CFI_END};
    }
    if (!exact) {
        keep_rule(pc, rule_bits(rule));
    }
    return rule;
}

static inline struct lmm_cfi_rule rule_of(uintptr_t pc)
{
    const struct entry *entry = entry_of(lmm_load_acquire(&rules.table), pc);
    uint64_t bits = entry->pc == pc ? lmm_load_relaxed(&entry->rule) : 0;

    return LMM_LIKELY(bits != 0) ? rule_of_bits(bits) : find_rule(pc, false);
}

void lmm_unwind_forget(uintptr_t start, uintptr_t end)
{
    lmm_lock_acquire(&rules.lock);
    for (size_t i = 0; i <= rules.table->mask; i++) {
        struct entry *entry = &rules.table->entry[i];
        if (entry->pc >= start && entry->pc <= end) {
            lmm_store_relaxed(&entry->rule, 0);
        }
    }
    lmm_store_relaxed(&rules.forgotten, rules.forgotten + 1);
    lmm_lock_release(&rules.lock);
}

bool lmm_unwind_start(void)
{
    struct lmm_module_facts own;

    if (rules.table == NULL && (rules.table = table_create(RULES_FIRST)) == NULL) {
        return false;
    }
    if (LMM_DROP_IN && lmm_module_find((uintptr_t) &lmm_unwind_start, &own)) {
        rules.own_start = own.start;
        rules.own_end = own.end;
    }
    return true;
}

void lmm_unwind_before_fork(void)
{
    lmm_lock_acquire_for_fork(&rules.lock);
}

void lmm_unwind_after_fork(void)
{
    lmm_lock_release_for_fork(&rules.lock);
}

/* ---- Which stack ------------------------------------------------------------------------------- */

/* Part of a stack that may be read. */
struct bounds {
    uintptr_t low;
    uintptr_t end;
};

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
    trace->kept = 0;
    trace->word_count = 0;
    trace->thread = thread;
    trace->end = sp < thread && thread - sp < ((uintptr_t) 1 << 30) ? thread : main_end;
    trace->low = page_floor(trace->end);
    trace->end &= ~(uintptr_t) (sizeof(uintptr_t) - 1);
}

/* A stack below an upper end that is not the thread's: of a signal handler or a coroutine. */
static struct bounds stray_bounds(uintptr_t sp)
{
    uintptr_t page = page_floor(sp);
    struct bounds bounds = {page, page};

    while (bounds.end - page < STRAY_BYTES && lmm_vm_is_mapped((void *) bounds.end, LMM_SYSTEM_PAGE_BYTES)) {
        bounds.end += LMM_SYSTEM_PAGE_BYTES;
    }
    return bounds;
}

/* What may be read from sp on outwards. False: sp is not on the thread's own stack. */
static bool find_bounds(struct lmm_trace *trace, uintptr_t sp, struct bounds *ret_bounds)
{
    uintptr_t thread = (uintptr_t) pthread_self();

    if (LMM_UNLIKELY(trace->thread != thread)) {
        meet_thread(trace, thread, sp);
    }
    if (LMM_UNLIKELY(sp < trace->low && sp < trace->end)) {
        uintptr_t page = page_floor(sp);
        if (lmm_vm_is_mapped((void *) page, trace->low - page)) {
            trace->low = page;
        }
    }
    bool is_own = sp >= trace->low && sp < trace->end;
    *ret_bounds = is_own ? (struct bounds) {trace->low, trace->end} : stray_bounds(sp);
    return is_own;
}

/* Reads a word of the stack; false when it is out of bounds. */
static inline bool read_word(const struct bounds *bounds, uintptr_t address, uintptr_t *ret_word)
{
    if (LMM_UNLIKELY(address < bounds->low || address > bounds->end - sizeof(uintptr_t) ||
                     address % sizeof(uintptr_t) != 0)) {
        return false;
    }
    *ret_word = *(const uintptr_t *) address;
    return true;
}

/* ---- Steps ------------------------------------------------------------------------------------- */

/* A call on the way outwards, and what the step from it read. */
struct call {
    struct lmm_caller at;
    const uintptr_t *saved_bp;     /* where its caller's bp came from; NULL: it is the same */
    const uintptr_t *saved_cfa;    /* where its caller's sp came from; NULL: from sp or bp */
    bool uses_bp;
};

/* A walk that has come to `at`. */
struct walk {
    struct lmm_trace *trace;
    struct lmm_caller at;
    struct bounds bounds;
    bool is_plain;                 /* on the thread's own stack, no signal in between */
    bool has_ended;
    uint32_t count;
    struct call call[LMM_STACK_FRAMES_MAX];    /* from the innermost outwards */
};

static bool step_signal(struct walk *walk)
{
#if defined(__x86_64__)
    const ucontext_t *context = (const void *) walk->at.sp;
    const greg_t *registers = context->uc_mcontext.gregs;

    if (walk->at.sp < walk->bounds.low || walk->at.sp + sizeof(*context) > walk->bounds.end) {
        return false;
    }
    walk->at = (struct lmm_caller) {.pc = (uintptr_t) registers[REG_RIP],
                                    .sp = (uintptr_t) registers[REG_RSP],
                                    .bp = (uintptr_t) registers[REG_RBP]};
    walk->is_plain = false;
    find_bounds(walk->trace, walk->at.sp, &walk->bounds);
    return true;
#else
    (void) walk;
    return false;
#endif
}

/* The caller's bp; false when it is out of reach. */
static inline bool restore_bp(const struct walk *walk, struct lmm_cfi_rule rule, uintptr_t cfa,
                              uintptr_t *ret_bp, const uintptr_t **ret_saved)
{
    uintptr_t base = rule.saved == LMM_CFI_AT_CFA ? cfa : walk->at.bp;
    uintptr_t address = base + (uintptr_t) (intptr_t) rule.bp_offset;

    *ret_saved = NULL;
    *ret_bp = rule.saved == LMM_CFI_SAME ? walk->at.bp : 0;
    if (rule.saved != LMM_CFI_AT_CFA && rule.saved != LMM_CFI_AT_BP) {
        return true;
    }
    *ret_saved = (const uintptr_t *) address;
    return read_word(&walk->bounds, address, ret_bp);
}

/* The canonical frame address by a rule on sp or bp; false when it cannot be right. */
static inline bool find_cfa(const struct walk *walk, struct lmm_cfi_rule rule, uintptr_t *ret_cfa,
                            const uintptr_t **ret_saved)
{
    uintptr_t base = rule.base == LMM_CFI_SP ? walk->at.sp : walk->at.bp;

    *ret_cfa = base + (uintptr_t) (intptr_t) rule.cfa_offset;
    if (LMM_UNLIKELY(rule.base == LMM_CFI_BP_LOAD)) {
        *ret_saved = (const uintptr_t *) *ret_cfa;
        if (!read_word(&walk->bounds, *ret_cfa, ret_cfa)) {
            return false;
        }
    }
    return *ret_cfa > walk->at.sp;
}

/* Leads the walk from `at`, whose rule is given, to its caller; false at the end. What the step read goes
 * into *ret_call. */
static inline bool step(struct walk *walk, struct lmm_cfi_rule rule, struct call *ret_call)
{
    struct lmm_caller caller;
    uintptr_t cfa;

    ret_call->saved_bp = NULL;
    ret_call->saved_cfa = NULL;
    ret_call->uses_bp = rule.base != LMM_CFI_SP || rule.saved == LMM_CFI_AT_BP;
    if (LMM_UNLIKELY(rule.base == LMM_CFI_END || rule.base == LMM_CFI_UNKNOWN)) {
        return false;
    }
    if (LMM_UNLIKELY(rule.base == LMM_CFI_SIGNAL)) {
        return step_signal(walk);
    }
    if (!find_cfa(walk, rule, &cfa, &ret_call->saved_cfa) || !read_word(&walk->bounds, cfa - sizeof(uintptr_t), &caller.pc) ||
        !restore_bp(walk, rule, cfa, &caller.bp, &ret_call->saved_bp) || caller.pc == 0) {
        return false;
    }
    caller.sp = cfa;
    walk->at = caller;
    return true;
}

/* Past LMM's own frames. */
static void skip_own(struct walk *walk)
{
    struct call own;

    while (!walk->has_ended && walk->at.pc >= rules.own_start && walk->at.pc < rules.own_end) {
        walk->has_ended = !step(walk, rule_of(walk->at.pc), &own);
    }
}

/* Takes the call at hand and goes on to its caller. The instruction at which a signal came in is no return
 * address: it counts as one past it, so that whoever takes one off is inside it. */
static inline void walk_call(struct walk *walk, bool *is_exact)
{
    struct call *call = &walk->call[walk->count++];
    struct lmm_cfi_rule rule = LMM_UNLIKELY(*is_exact) ? find_rule(walk->at.pc, true) : rule_of(walk->at.pc);

    call->at = walk->at;
    call->at.pc += *is_exact;
    *is_exact = rule.base == LMM_CFI_SIGNAL;
    walk->has_ended = !step(walk, rule, call);
}

/* ---- The memory of the last walk ----------------------------------------------------------------- */

/* Down to which call, from `call` on outwards, all is as it was; 0: all of it. */
static uint32_t unchanged_to(const struct lmm_trace *trace, uint32_t call)
{
    uint32_t to = 0;

    for (uint32_t i = trace->word_count; i-- > 0;) {
        const struct lmm_trace_word *saved = &trace->word[i];
        if (saved->call <= call && *saved->address != saved->value) {
            to = saved->call;
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

static bool is_call(const struct lmm_trace *trace, uint32_t i, const struct lmm_caller *at)
{
    return trace->sp[i] == at->sp && trace->pc[i] == at->pc &&
           (!trace->needs_bp[i] || trace->bp[i] == at->bp);
}

/* Takes calls (to, from] of the memory over into the walk, which has come to `from`: it is then at `to`. */
static void follow_memory(struct walk *walk, uint32_t from, uint32_t to, uint32_t frames)
{
    const struct lmm_trace *trace = walk->trace;

    (void) trace;
    while (from > to && walk->count < frames && !walk->has_ended) {
        bool is_exact = false;
        walk_call(walk, &is_exact);
        from--;
        LMM_CHECK(walk->has_ended || walk->at.sp == trace->sp[from]);
    }
}

/* Walks until the memory, or the stack, or the number of frames ends it. Returns how many calls of the
 * memory still stand outside of what was walked. */
static uint32_t walk_to_memory(struct walk *walk, uint32_t frames)
{
    const struct lmm_trace *trace = walk->trace;
    uint32_t left = trace->count;
    bool is_exact = false;

    while (!walk->has_ended && walk->count < frames) {
        while (left > 0 && trace->sp[left - 1] < walk->at.sp) {
            left--;
        }
        if (left > 0 && walk->is_plain && is_call(trace, left - 1, &walk->at)) {
            uint32_t to = unchanged_to(trace, left - 1);
            bool suffices = trace->is_whole || walk->count + left >= frames;
            if (to == 0 && suffices) {
                return left;
            }
            follow_memory(walk, left - 1, to, frames);
            left = to;
            if (walk->count == frames || walk->has_ended) {
                break;
            }
        }
        walk_call(walk, &is_exact);
    }
    return 0;
}

/* Drops calls of the memory that are inside of the first `count`. */
static void cut_memory(struct lmm_trace *trace, uint32_t count)
{
    trace->count = count;
    trace->kept = count;
    while (trace->word_count != 0 && trace->word[trace->word_count - 1].call >= count) {
        trace->word_count--;
    }
}

static void remember_word(struct lmm_trace *trace, const uintptr_t *address, uintptr_t value, uint32_t call)
{
    trace->word[trace->word_count++] = (struct lmm_trace_word) {address, value, call};
}

/* Puts one call on the inside of the memory. */
static inline void push_call(struct lmm_trace *trace, const struct call *call)
{
    uint32_t i = trace->count++;
    bool caller_needs = i != 0 && trace->needs_bp[i - 1];

    trace->pc[i] = call->at.pc;
    trace->sp[i] = call->at.sp;
    trace->bp[i] = call->at.bp;
    trace->needs_bp[i] = call->uses_bp || (caller_needs && call->saved_bp == NULL);
    if (caller_needs && call->saved_bp != NULL) {
        remember_word(trace, call->saved_bp, trace->bp[i - 1], i);
    }
    if (LMM_UNLIKELY(call->saved_cfa != NULL) && i != 0) {
        remember_word(trace, call->saved_cfa, trace->sp[i - 1], i);
    }
}

/* Drops the outermost calls, so that `count` are left. */
static void drop_outermost(struct lmm_trace *trace, uint32_t count)
{
    uint32_t drop = trace->count - count;
    uint32_t gone = 0;

    memmove(trace->pc, trace->pc + drop, count * sizeof(trace->pc[0]));
    memmove(trace->sp, trace->sp + drop, count * sizeof(trace->sp[0]));
    memmove(trace->bp, trace->bp + drop, count * sizeof(trace->bp[0]));
    memmove(trace->needs_bp, trace->needs_bp + drop, count * sizeof(trace->needs_bp[0]));
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
    trace->kept = 0;
    trace->is_whole = false;
}

void lmm_unwind(struct lmm_trace *trace, const struct lmm_caller *caller, uint32_t frames)
{
    struct walk walk;

    uint32_t forgotten = lmm_load_relaxed(&rules.forgotten);
    if (LMM_UNLIKELY(trace->is_stray || trace->forgotten != forgotten)) {
        trace->forgotten = forgotten;
        cut_memory(trace, 0);
    }
    walk.trace = trace;
    walk.at = *caller;
    walk.count = 0;
    walk.has_ended = false;
    walk.is_plain = find_bounds(trace, caller->sp, &walk.bounds);
    skip_own(&walk);
    uint32_t left = walk_to_memory(&walk, frames);
    uint32_t spare = left + walk.count > frames ? left + walk.count - frames : 0;
    cut_memory(trace, left);
    if (spare != 0) {
        drop_outermost(trace, left - spare);
    }
    trace->is_stray = !walk.is_plain;
    if (trace->count == 0) {
        trace->is_whole = walk.has_ended;
    }
    for (uint32_t i = walk.count; i-- > 0;) {
        push_call(trace, &walk.call[i]);
    }
}
