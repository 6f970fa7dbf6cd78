/* SPDX-License-Identifier: MIT */
/* cfi: stacks of this process, walked by the rules, compared with those of libunwind. */
#define UNW_LOCAL_ONLY
#include "lib/stacks/cfi.h"
#include "lib/ground/module.h"

#include <alloca.h>
#include <criterion/criterion.h>
#include <libunwind.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { FRAMES_MAX = 256 };

/* clang has no such attributes; its options decide. */
#if defined(__clang__)
#define NOINLINE __attribute__((noinline))
#define OPTIMIZED(how)
#else
#define NOINLINE       __attribute__((noinline, noclone))
#define OPTIMIZED(how) __attribute__((optimize(how)))
#endif

struct stack {
    uintptr_t pcs[FRAMES_MAX]; /* of the callers, innermost first */
    size_t count;
    size_t of_base[LMM_CFI_END + 1]; /* frames by the rule that led out of them */
    size_t of_saved[LMM_CFI_LOST + 1];
    enum lmm_cfi_base last;
};

struct frame {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t bp;
    uintptr_t link; /* of AArch64: x30 */
    bool is_exact;
};

static uintptr_t load(uintptr_t address)
{
    return *(const uintptr_t *) address;
}

static uintptr_t saved_bp(const struct lmm_cfi_rule *rule, uintptr_t base, uintptr_t cfa,
                          uintptr_t bp)
{
    switch ((enum lmm_cfi_saved) rule->saved) {
    case LMM_CFI_SAME: return bp;
    case LMM_CFI_IN_FRAME: return load(lmm_cfi_bp_at(*rule, base, cfa));
    case LMM_CFI_AT_BP: return load(lmm_cfi_at(bp, rule->bp_offset));
    case LMM_CFI_LOST: break;
    }
    return 0;
}

static void leave_signal(struct frame *frame)
{
#if defined(__aarch64__)
    const ucontext_t *context = (const ucontext_t *) (frame->sp + sizeof(siginfo_t));

    frame->pc = context->uc_mcontext.pc;
    frame->bp = context->uc_mcontext.regs[29];
    frame->link = context->uc_mcontext.regs[30];
    frame->sp = context->uc_mcontext.sp;
#else
    const ucontext_t *context = (const ucontext_t *) frame->sp;

    frame->pc = (uintptr_t) context->uc_mcontext.gregs[REG_RIP];
    frame->bp = (uintptr_t) context->uc_mcontext.gregs[REG_RBP];
    frame->sp = (uintptr_t) context->uc_mcontext.gregs[REG_RSP];
#endif
    frame->is_exact = true;
}

static void leave(struct frame *frame, const struct lmm_cfi_rule *rule)
{
    uintptr_t base = rule->base == LMM_CFI_SP ? frame->sp : frame->bp;
    uintptr_t cfa = lmm_cfi_at(base, rule->cfa_offset);

    if (rule->base == LMM_CFI_BP_LOAD) {
        cfa = load(cfa);
    }
#if defined(__aarch64__)
    bool is_leaf = rule->return_offset == LMM_CFI_RETURN_IN_REGISTER;
#else
    bool is_leaf = false;
#endif
    frame->bp = saved_bp(rule, base, cfa, frame->bp);
    frame->pc = lmm_cfi_code(is_leaf ? frame->link : load(lmm_cfi_return_at(*rule, base, cfa)));
    frame->sp = cfa;
    frame->is_exact = false;
}

static struct lmm_cfi_rule rule_of(const struct frame *frame)
{
    struct lmm_module_facts facts;
    struct lmm_cfi_rule rule = {0};
    bool is_known = lmm_module_find(frame->pc, &facts) &&
                    lmm_cfi_find(facts.eh_frame_hdr, frame->pc, frame->is_exact, &rule);

#if defined(__aarch64__)
    /* The return from a handler is in no table: the kernel's module has none, and an emulator has no module. */
    if (!is_known && *(const uint32_t *) frame->pc == 0xd2801168) { /* mov x8, #139 */
        rule.base = LMM_CFI_SIGNAL;
    }
#else
    (void) is_known;
#endif
    return rule;
}

/* Walks from the frame outwards; the pc of the frame itself is not added. */
static void walk(struct frame frame, struct stack *ret_stack)
{
    memset(ret_stack, 0, sizeof(*ret_stack));
    while (ret_stack->count < FRAMES_MAX) {
        struct lmm_cfi_rule rule = rule_of(&frame);
        ret_stack->last = (enum lmm_cfi_base) rule.base;
        ret_stack->of_base[rule.base]++;
        ret_stack->of_saved[rule.saved]++;
        if (rule.base == LMM_CFI_UNKNOWN || rule.base == LMM_CFI_END) {
            break;
        }
        if (rule.base == LMM_CFI_SIGNAL) {
            leave_signal(&frame);
        } else {
            leave(&frame, &rule);
        }
        ret_stack->pcs[ret_stack->count++] = frame.pc;
    }
}

static void walk_by_libunwind(unw_context_t *context, struct stack *ret_stack)
{
    unw_cursor_t cursor;
    unw_word_t pc;

    memset(ret_stack, 0, sizeof(*ret_stack));
    cr_assert(unw_init_local(&cursor, context) == 0);
    while (unw_step(&cursor) > 0 && ret_stack->count < FRAMES_MAX) {
        unw_get_reg(&cursor, UNW_REG_IP, &pc);
        ret_stack->pcs[ret_stack->count++] = pc;
    }
}

static struct stack stack;
static struct stack reference;

/* Walks its own stack twice, for the caller to compare. */
static NOINLINE void walk_here(void)
{
    struct frame frame = {.is_exact = true};
    unw_context_t context;

    unw_getcontext(&context);
#if defined(__aarch64__)
    __asm__ volatile("adr %0, .\n\tmov %1, sp\n\tmov %2, x29"
                     : "=r"(frame.pc), "=r"(frame.sp), "=r"(frame.bp));
#else
    __asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
                     : "=r"(frame.pc), "=r"(frame.sp), "=r"(frame.bp));
#endif
    walk(frame, &stack);
    walk_by_libunwind(&context, &reference);
}

static void compare(const char *what)
{
    cr_expect(stack.last == LMM_CFI_END, "%s: ended by %d after %zu frames", what, stack.last,
              stack.count);
    cr_expect(stack.count >= 5, "%s: %zu frames", what, stack.count);
    cr_expect(stack.count == reference.count, "%s: %zu frames, libunwind %zu", what, stack.count,
              reference.count);
    for (size_t i = 0; i < stack.count && i < reference.count; i++) {
        cr_expect(stack.pcs[i] == reference.pcs[i], "%s: frame %zu: %#lx, libunwind %#lx", what, i,
                  stack.pcs[i], reference.pcs[i]);
    }
}

static volatile unsigned char sink;

/* Keeps the variable alive, and keeps the call before it from being a tail call. */
static void use(const volatile void *memory)
{
    sink ^= *(const volatile unsigned char *) memory;
}

static NOINLINE void big_frame(int depth)
{
    volatile unsigned char room[200000];

    room[(unsigned) depth] = (unsigned char) depth;
    walk_here();
    use(room);
}

static NOINLINE void with_alloca(int depth)
{
    unsigned char *room = alloca((size_t) depth * 100);

    room[0] = 1;
    walk_here();
    use(room);
}

static NOINLINE void realigned(int depth)
{
    _Alignas(64) volatile unsigned char room[128];
    unsigned char *more = alloca((size_t) depth * 100);

    room[0] = 1;
    more[0] = 2;
    walk_here();
    use(room);
    use(more);
}

static NOINLINE OPTIMIZED("omit-frame-pointer") int recursion(int depth)
{
    int below = 0;

    if (depth == 0) {
        walk_here();
    } else {
        below = recursion(depth - 1);
    }
    use(&below);
    return below + depth;
}

static NOINLINE OPTIMIZED("no-omit-frame-pointer") int framed_recursion(int depth)
{
    int below = 0;

    if (depth == 0) {
        recursion(7);
    } else {
        below = framed_recursion(depth - 1);
    }
    use(&below);
    return below + depth;
}

/* From inside libc. */
static int compare_numbers(const void *a, const void *b)
{
    walk_here();
    return *(const int *) a - *(const int *) b;
}

static NOINLINE void in_qsort(int depth)
{
    int numbers[] = {3, depth, 2};

    qsort(numbers, 3, sizeof(numbers[0]), compare_numbers);
    use(numbers);
}

static void on_signal(int number)
{
    use(&number);
    walk_here();
    use(&number);
}

/* On AArch64 the interrupted instruction is the trap itself. */
static void on_trap(int number, siginfo_t *info, void *context)
{
    use(info);
    on_signal(number);
#if defined(__aarch64__)
    ((ucontext_t *) context)->uc_mcontext.pc += 4;
#else
    use(context);
#endif
}

static NOINLINE void in_signal_handler(int depth)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    use(&depth);
}

static NOINLINE void in_trap_handler(int depth)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    sigaction(SIGTRAP, &action, NULL);
#if defined(__aarch64__)
    __asm__ volatile("brk #0");
#else
    __asm__ volatile("int3");
#endif
    use(&depth);
}

static void *thread_main(void *argument)
{
    int *depth = argument;

    framed_recursion(*depth);
    use(depth);
    return NULL;
}

static NOINLINE void in_thread(int depth)
{
    pthread_t thread;

    cr_assert(pthread_create(&thread, NULL, thread_main, &depth) == 0);
    pthread_join(thread, NULL);
}

static NOINLINE void in_mixture(int depth)
{
    _Alignas(128) volatile unsigned char room[128];

    room[0] = (unsigned char) depth;
    framed_recursion(depth);
    use(room);
}

Test(cfi_walk, stacks_are_those_of_libunwind)
{
    static const struct {
        const char *what;
        void (*function)(int depth);
    } cases[] = {
        {"big frame", big_frame},
        {"alloca", with_alloca},
        {"realigned", realigned},
        {"qsort", in_qsort},
        {"signal handler", in_signal_handler},
        {"trap handler", in_trap_handler},
        {"thread", in_thread},
        {"mixture", in_mixture},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cases[i].function(5);
        compare(cases[i].what);
    }
}

Test(cfi_walk, recursion)
{
    for (int depth = 0; depth < 100; depth += 9) {
        recursion(depth);
        compare("recursion");
        framed_recursion(depth);
        compare("recursion with frame pointers");
    }
}

Test(cfi_walk, every_kind_of_rule_is_met)
{
    realigned(5);
    cr_expect(stack.of_base[LMM_CFI_SP] != 0);
#if !defined(__aarch64__) /* compilers for it give the CFA by bp */
    cr_expect(stack.of_base[LMM_CFI_BP_LOAD] != 0);
    cr_expect(stack.of_saved[LMM_CFI_AT_BP] != 0);
#endif
    with_alloca(5);
    cr_expect(stack.of_base[LMM_CFI_BP] != 0);
    cr_expect(stack.of_saved[LMM_CFI_IN_FRAME] != 0);
    in_signal_handler(5);
    cr_expect(stack.of_base[LMM_CFI_SIGNAL] == 1);
}
