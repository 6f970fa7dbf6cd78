/* SPDX-License-Identifier: MIT */
#include "lib/stacks/stack_walk.h"

#include "lib/ground/vm.h"
#include "lib/stacks/rules.h"

#include <signal.h>
#include <ucontext.h>

enum {
    OWN_BYTES_MAX = 1 << 26,   /* a thread's own stack is longer: it is read as another stack is */
    GUESS_BYTES_MAX = 1 << 20, /* a frame found by a guess is shorter */
};

static uintptr_t main_thread; /* set at start */

void lmm_stack_walk_start(void)
{
    main_thread = lmm_stack_walk_thread();
}

/* ---- What can be read ------------------------------------------------------------------------ */

static uintptr_t page_floor(uintptr_t address)
{
    return address & ~(uintptr_t) (LMM_SYSTEM_PAGE_BYTES - 1);
}

/* Finds the thread's own stack. The loader tells where the main thread's begins. Another thread's
 * begins below its control block, which glibc puts at the upper end of the stack. */
static void meet_thread(struct lmm_trace *trace, uintptr_t thread)
{
    uintptr_t end = thread == main_thread ? lmm_main_stack_end() : thread;

    lmm_trace_forget(trace);
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

static LMM_NOINLINE void find_bounds_slow(struct lmm_stack_walk *walk, uintptr_t thread)
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

void lmm_stack_walk_bounds(struct lmm_stack_walk *walk)
{
    const struct lmm_trace *trace = walk->trace;
    uintptr_t thread = lmm_stack_walk_thread();

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
static LMM_NOINLINE bool can_read(struct lmm_stack_walk *walk, uintptr_t address)
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
static inline bool read_word(struct lmm_stack_walk *walk, uintptr_t address, uintptr_t *ret_word)
{
    bool is_inside = address >= walk->low && address < walk->end;

    if (LMM_UNLIKELY(address % sizeof(uintptr_t) != 0 ||
                     (!is_inside && !can_read(walk, address)))) {
        return false;
    }
    *ret_word = *(const uintptr_t *) address;
    return true;
}

/* Reads the return address at that address, on the way outwards. */
static bool read_return(struct lmm_stack_walk *walk, uintptr_t address, uintptr_t *ret_pc)
{
    uintptr_t word = 0;

    if (!read_word(walk, address, &word)) {
        return false;
    }
    *ret_pc = lmm_cfi_code(word);
    if (address >= walk->end) { /* a frame that is longer than a page lies between */
        walk->low = page_floor(address);
        walk->end = walk->low + LMM_SYSTEM_PAGE_BYTES;
    }
    return true;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

uintptr_t lmm_stack_walk_bp(struct lmm_stack_walk *walk)
{
    if (walk->bp_at != NULL) {
        if (!read_word(walk, (uintptr_t) walk->bp_at, &walk->bp)) {
            walk->bp = 0;
        }
        walk->bp_at = NULL;
    }
    return walk->bp;
}

/* Where a signal's frame has the registers of the interrupted code. */
struct saved_registers {
    const void *pc;
    const void *sp;
    const void *bp;
};

#if defined(__x86_64__)

static struct saved_registers registers_of_signal(uintptr_t sp)
{
    const greg_t *registers = ((const ucontext_t *) sp)->uc_mcontext.gregs;

    return (struct saved_registers) {
        .pc = &registers[REG_RIP], .sp = &registers[REG_RSP], .bp = &registers[REG_RBP]};
}

#elif defined(__aarch64__)

/* The kernel's struct rt_sigframe: facts of the signal, and then the context. */
struct signal_frame {
    siginfo_t info;
    ucontext_t context;
};

static struct saved_registers registers_of_signal(uintptr_t sp)
{
    const mcontext_t *registers = &((const struct signal_frame *) sp)->context.uc_mcontext;

    return (struct saved_registers) {
        .pc = &registers->pc, .sp = &registers->sp, .bp = &registers->regs[29]};
}

/* Reads the register after bp, which holds the return address until the function saves it. */
static bool read_link(struct lmm_stack_walk *walk, struct saved_registers saved)
{
    return read_word(walk, (uintptr_t) saved.bp + sizeof(uintptr_t), &walk->link);
}

#else

static struct saved_registers registers_of_signal(uintptr_t sp)
{
    (void) sp;
    return (struct saved_registers) {.pc = NULL};
}

#endif

#if !defined(__aarch64__)

static bool read_link(struct lmm_stack_walk *walk, struct saved_registers saved)
{
    (void) walk;
    (void) saved;
    return true;
}

#endif

/* Goes from a signal's trampoline to the instruction that the signal interrupted. */
static void step_signal(struct lmm_stack_walk *walk)
{
    struct saved_registers saved = registers_of_signal(walk->sp);
    uintptr_t sp = 0;

    if (saved.pc == NULL || walk->lacks_sp || !read_word(walk, (uintptr_t) saved.pc, &walk->pc) ||
        !read_word(walk, (uintptr_t) saved.sp, &sp) ||
        !read_word(walk, (uintptr_t) saved.bp, &walk->bp) || !read_link(walk, saved)) {
        walk->pc = 0;
        return;
    }
    walk->sp = sp;
    walk->bp_at = NULL;
    walk->is_plain = false;
    walk->is_exact = true;
    walk->lacks_sp = false;
    lmm_stack_walk_bounds(walk);
}

/* The CFA by a rule's base, whose value is given; 0 if it is out of bounds. */
static uintptr_t find_cfa(struct lmm_stack_walk *walk, struct lmm_cfi_rule rule, uintptr_t base)
{
    uintptr_t address = lmm_cfi_at(base, rule.cfa_offset);

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

/* Whether bp looks like the frame pointer of the current call. at: where the return address is then. */
static bool fits(struct lmm_stack_walk *walk, uintptr_t cfa, uintptr_t at)
{
    uintptr_t word;

    return cfa - walk->sp < GUESS_BYTES_MAX && read_word(walk, at, &word) &&
           is_return(walk->trace, lmm_cfi_code(word));
}

#if defined(__aarch64__)

struct lmm_cfi_rule lmm_stack_walk_rule(const struct lmm_stack_walk *walk)
{
    struct lmm_cfi_rule rule = walk->is_exact
                                   ? lmm_rule_find(walk->pc, true)
                                   : lmm_rule_of(lmm_table_body(&lmm_code_words), walk->pc);

    return walk->lacks_sp && rule.base == LMM_CFI_SP ? lmm_rule_by_frame_pointer(rule) : rule;
}

/* Whether the interrupted function has not saved the return address, which is still in its register. */
static bool is_in_register(struct lmm_cfi_rule rule)
{
    return rule.return_offset == LMM_CFI_RETURN_IN_REGISTER;
}

static uintptr_t return_in_register(const struct lmm_stack_walk *walk)
{
    return lmm_cfi_code(walk->link);
}

/* A guess does not tell sp; a rule on bp does. */
static void note_sp(struct lmm_stack_walk *walk, struct lmm_cfi_rule rule)
{
    walk->lacks_sp = rule.base == LMM_CFI_GUESS;
    if (walk->lacks_sp) {
        walk->is_plain = false;
    }
}

#else

struct lmm_cfi_rule lmm_stack_walk_rule(const struct lmm_stack_walk *walk)
{
    return walk->is_exact ? lmm_rule_find(walk->pc, true)
                          : lmm_rule_of(lmm_table_body(&lmm_code_words), walk->pc);
}

static bool is_in_register(struct lmm_cfi_rule rule)
{
    (void) rule;
    return false;
}

static uintptr_t return_in_register(const struct lmm_stack_walk *walk)
{
    (void) walk;
    return 0;
}

static void note_sp(struct lmm_stack_walk *walk, struct lmm_cfi_rule rule)
{
    (void) walk;
    (void) rule;
}

#endif

/* Finds the return address, at `at` unless it is in a register. False: the stack ends. */
static bool find_return(struct lmm_stack_walk *walk, struct lmm_cfi_rule rule, uintptr_t cfa,
                        uintptr_t at)
{
    if (is_in_register(rule)) {
        walk->pc = return_in_register(walk);
        return cfa >= walk->sp;
    }
    return cfa > walk->sp && (rule.base != LMM_CFI_GUESS || fits(walk, cfa, at)) &&
           read_return(walk, at, &walk->pc);
}

void lmm_stack_walk_step(struct lmm_stack_walk *walk, struct lmm_cfi_rule rule)
{
    if (rule.base == LMM_CFI_SIGNAL) {
        step_signal(walk);
        return;
    }
    if (rule.base == LMM_CFI_END || rule.base == LMM_CFI_UNKNOWN) {
        walk->pc = 0;
        return;
    }
    uintptr_t base = rule.base == LMM_CFI_SP ? walk->sp : lmm_stack_walk_bp(walk);
    uintptr_t cfa = find_cfa(walk, rule, base);
    uintptr_t at = lmm_cfi_return_at(rule, base, cfa);
    if (!find_return(walk, rule, cfa, at)) {
        walk->pc = 0;
        return;
    }
    if (rule.saved == LMM_CFI_IN_FRAME) {
        walk->bp_at = (const uintptr_t *) lmm_cfi_bp_at(rule, base, cfa);
    } else if (rule.saved == LMM_CFI_AT_BP) {
        walk->bp_at = (const uintptr_t *) lmm_cfi_at(lmm_stack_walk_bp(walk), rule.bp_offset);
    }
    walk->sp = cfa;
    note_sp(walk, rule);
}
