/* SPDX-License-Identifier: MIT */
/* unwind: lmm_unwind() finds the same stack as libunwind, whatever earlier stacks the thread's
 * trace holds. */
#include "lib/ground/meta.h"
#include "lib/stacks/rules.h"
#include "lib/stacks/unwind.h"

#include <alloca.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

static _Thread_local struct lmm_trace trace;
static _Thread_local uint32_t frames = LMM_STACK_FRAMES_MAX;
static _Thread_local uint32_t checks;
static _Thread_local uint32_t wanted_checks;
static bool by_signal;

/* The return addresses in the trace, innermost first. */
static uint32_t calls_of(const struct lmm_trace *of, uintptr_t *ret_pc)
{
    uint32_t calls = of->count - of->first;

    for (uint32_t i = 0; i < calls; i++) {
        ret_pc[i] = of->pc[of->count - 1 - i];
    }
    return calls;
}

/* Whether pc is of the instruction that a signal interrupted. On AArch64 libunwind tells it of the
 * handler's caller, one step before. */
static bool is_interrupted(unw_cursor_t *cursor, bool *was_signal)
{
    bool is_signal = unw_is_signal_frame(cursor) > 0;
    bool before = *was_signal;

    *was_signal = is_signal;
#if defined(__aarch64__)
    return before;
#else
    (void) before;
    return is_signal;
#endif
}

/* The same by libunwind, from the caller of this function's caller outwards. For the instruction
 * that a signal interrupted it gives pc + 1. */
static __attribute__((noinline)) uint32_t reference(uintptr_t *ret_pc, uint32_t room)
{
    unw_context_t context;
    unw_cursor_t cursor;
    unw_word_t pc;
    uint32_t count = 0;
    uint32_t depth = 0;
    bool was_signal = false;

    unw_getcontext(&context);
    unw_init_local(&cursor, &context);
    do {
        unw_get_reg(&cursor, UNW_REG_IP, &pc);
        bool is_exact = is_interrupted(&cursor, &was_signal);
        if (depth++ >= 2 && pc != 0) {
            ret_pc[count++] = pc + is_exact;
        }
    } while (count < room && unw_step(&cursor) > 0);
#if defined(__aarch64__)
    /* libunwind gives the outermost call of a coroutine twice, because its tables do not end the stack. */
    if (count < room && count >= 2 && ret_pc[count - 1] == ret_pc[count - 2]) {
        count--;
    }
#endif
    return count;
}

/* Takes the stack of its caller in both ways. */
static __attribute__((noinline)) void check(void)
{
    struct lmm_caller caller = LMM_CALLER();
    uintptr_t expected[LMM_STACK_FRAMES_MAX];
    uintptr_t got[LMM_STACK_FRAMES_MAX];

    lmm_unwind(&trace, &caller, frames);
    uint32_t got_count = calls_of(&trace, got);
    uint32_t expected_count = reference(expected, frames);
    checks++;
    cr_assert_eq(got_count, expected_count, "%u calls, libunwind has %u", got_count,
                 expected_count);
    for (uint32_t i = 0; i < got_count; i++) {
        cr_assert_eq(got[i], expected[i], "call %u of %u: %p, libunwind has %p", i, got_count,
                     (void *) got[i], (void *) expected[i]);
    }
}

/* ---- Functions of every kind of frame -------------------------------------------------------- */

static void go(uint32_t *random, uint32_t depth);

static uint32_t next(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

static __attribute__((noinline)) void small(uint32_t *random, uint32_t depth)
{
    go(random, depth);
    check();
    __asm__ volatile("");
}

static __attribute__((noinline)) void large(uint32_t *random, uint32_t depth)
{
    volatile char room[5000];

    room[depth] = 1;
    go(random, depth);
    room[depth + 1] = room[depth];
}

static __attribute__((noinline)) void variable(uint32_t *random, uint32_t depth)
{
    volatile char *room = alloca(16 + next(random) % 300);

    room[0] = 1;
    go(random, depth);
    check();
    room[1] = room[0];
}

static __attribute__((noinline)) void aligned(uint32_t *random, uint32_t depth)
{
    volatile char room[100] __attribute__((aligned(64)));
    volatile char *more = alloca(16 + next(random) % 100);

    room[0] = more[0] = 1;
    go(random, depth);
    more[1] = room[0];
}

static int compare(const void *a, const void *b)
{
    static uint32_t random = 5;
    int difference = *(const int *) a - *(const int *) b;

    if (next(&random) % 16 == 0) {
        check();
    }
    return difference;
}

static __attribute__((noinline)) void by_callback(uint32_t *random, uint32_t depth)
{
    int numbers[8];

    for (size_t i = 0; i < 8; i++) {
        numbers[i] = (int) (next(random) % 100);
    }
    qsort(numbers, 8, sizeof(numbers[0]), compare);
    go(random, depth);
    __asm__ volatile("");
}

static __attribute__((noinline, optimize("no-omit-frame-pointer"))) void
with_pointer(uint32_t *random, uint32_t depth)
{
    go(random, depth);
    check();
    __asm__ volatile("");
}

static __attribute__((noinline)) void many_registers(uint32_t *random, uint32_t depth)
{
    uint32_t a = next(random), b = next(random), c = next(random), d = next(random),
             e = next(random);

    go(random, depth);
    go(random, depth + 3);
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
    check();
}

static void go(uint32_t *random, uint32_t depth)
{
    static void (*const way[])(uint32_t * random, uint32_t depth) = {
        small, large, variable, aligned, by_callback, with_pointer, many_registers,
    };

    if (checks >= wanted_checks) {
        return; /* the tree of calls is large enough */
    }
    if (depth >= 40 || next(random) % 12 == 0) {
        check();
        return;
    }
    way[next(random) % 7](random, depth + 1);
    if (next(random) % 4 == 0) {
        way[next(random) % 7](random, depth + 1);
    }
}

/* From that depth to the largest. */
static void walk_from(uint32_t depth, uint32_t seed, uint32_t wanted)
{
    uint32_t random = seed;

    checks = 0;
    wanted_checks = wanted;
    while (checks < wanted) {
        go(&random, depth);
    }
}

static void walk_about(uint32_t seed, uint32_t wanted)
{
    walk_from(0, seed, wanted);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void setup(void)
{
    cr_assert(lmm_unwind_start());
    memset(&trace, 0xA5, sizeof(trace)); /* of any contents */
    lmm_trace_clear(&trace);
}

TestSuite(unwind, .init = setup);

Test(unwind, agrees_with_libunwind)
{
    static const uint32_t sizes[] = {1, 2, 3, 8, 24, 63, 64};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        frames = sizes[i];
        walk_about((uint32_t) i, 400);
    }
}

/* Goes down to a depth and up again, so that inner calls push outer ones out of the trace, and outer ones
 * are needed again when the inner ones have returned. */
static __attribute__((noinline)) void descend(uint32_t *random, uint32_t depth)
{
    volatile char room[8];

    room[0] = (char) depth;
    check();
    if (depth > 0) {
        descend(random, depth - 1);
        if (next(random) % 8 == 0) {
            small(random, 38);
        }
    }
    check();
    room[1] = room[0];
}

Test(unwind, agrees_on_stacks_that_are_longer_than_a_trace)
{
    static const uint32_t sizes[] = {1, 24, LMM_STACK_FRAMES_MAX};

    wanted_checks = UINT32_MAX;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint32_t random = 7;

        frames = sizes[i];
        descend(&random, 3 * LMM_TRACE_CALLS);
        cr_expect_leq(trace.count, LMM_TRACE_CALLS);
        descend(&random, LMM_TRACE_CALLS - 5);
    }
}

static void *thread_body(void *seed)
{
    frames = 24;
    walk_about((uint32_t) (uintptr_t) seed, 300);
    return NULL;
}

Test(unwind, agrees_in_threads)
{
    pthread_t thread[4];

    for (uintptr_t i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, thread_body, (void *) (i + 1)), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
}

/* The next thread that adopts a heap has another stack. */
static void *stack_user(void *kept)
{
    memcpy(&trace, kept, sizeof(trace));
    walk_about(9, 60);
    memcpy(kept, &trace, sizeof(trace));
    return NULL;
}

Test(unwind, a_trace_may_change_threads)
{
    static struct lmm_trace kept;

    for (size_t i = 0; i < 8; i++) {
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, stack_user, &kept), 0);
        pthread_join(thread, NULL);
        walk_about((uint32_t) i, 30);
    }
}

static void on_signal(int number)
{
    uint32_t random = (uint32_t) number;

    by_signal = true;
    checks = 0;
    wanted_checks = 20;
    small(&random, 37);
}

static __attribute__((noinline)) void raise_it(void)
{
    raise(SIGUSR1);
    check();
}

Test(unwind, leads_through_signal_handlers)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGUSR1, &action, NULL);
    raise_it();
    cr_assert(by_signal);
    walk_about(1, 100);
}

Test(unwind, leads_from_another_stack_through_a_signal_handler)
{
    static char room[1 << 16];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (size_t i = 0; i < 3; i++) {
        raise_it();
    }
    cr_assert(by_signal);
    walk_about(1, 100);
}

static ucontext_t back;
static uint32_t in_coroutine;

/* Only the first bytes of a stack that is not the thread's own are read; a sanitizer's frames are
 * large. */
static void coroutine(void)
{
    walk_from(25, 3, 200);
    in_coroutine = checks;
}

Test(unwind, takes_the_stack_of_a_coroutine)
{
    ucontext_t context;
    size_t bytes = 1 << 20;
    char *room = lmm_meta_alloc(&lmm_arena_records, bytes);

    getcontext(&context);
    context.uc_stack.ss_sp = room;
    context.uc_stack.ss_size = bytes;
    context.uc_link = &back;
    makecontext(&context, coroutine, 0);
    for (size_t i = 0; i < 2; i++) {
        walk_about(1, 50);
    }
    swapcontext(&back, &context);
    cr_assert_geq(in_coroutine, 200);
    walk_about(2, 50);
}

#if defined(__x86_64__) || defined(__aarch64__)

/* Assembly without unwind tables: one keeps a frame pointer, the other has it point to what is not
 * a frame. Both call function(). */
void with_guessed_pointer(void (*function)(void));
void with_other_pointer(void (*function)(void));
#if defined(__aarch64__)
__asm__(".text\n.type with_guessed_pointer, %function\nwith_guessed_pointer:\n"
        "    stp x29, x30, [sp, #-16]!\n    mov x29, sp\n    sub sp, sp, #48\n    blr x0\n"
        "    add sp, sp, #48\n    ldp x29, x30, [sp], #16\n    ret\n"
        ".size with_guessed_pointer, . - with_guessed_pointer\n"
        ".type with_other_pointer, %function\nwith_other_pointer:\n"
        "    stp x29, x30, [sp, #-64]!\n    mov x29, #0x4567\n    stp x29, x29, [sp, #32]\n"
        "    add x29, sp, #32\n    blr x0\n    ldp x29, x30, [sp], #64\n    ret\n"
        ".size with_other_pointer, . - with_other_pointer\n");
#else
__asm__(".text\n.type with_guessed_pointer, @function\nwith_guessed_pointer:\n"
        "    push %rbp\n    mov %rsp, %rbp\n    sub $48, %rsp\n    call *%rdi\n    leave\n    ret\n"
        ".size with_guessed_pointer, . - with_guessed_pointer\n"
        ".type with_other_pointer, @function\nwith_other_pointer:\n"
        "    push %rbp\n    mov %rsp, %rbp\n    sub $48, %rsp\n    movq $0x1234567, -8(%rbp)\n"
        "    sub $16, %rbp\n    call *%rdi\n    add $48, %rsp\n    pop %rbp\n    ret\n"
        ".size with_other_pointer, . - with_other_pointer\n");
#endif

static __attribute__((noinline)) void take(void)
{
    struct lmm_caller caller = LMM_CALLER();

    lmm_unwind(&trace, &caller, LMM_STACK_FRAMES_MAX);
}

static __attribute__((noinline)) void take_inside(void)
{
    take();
    __asm__ volatile("");
}

/* The calls of the trace that are marked as guesses, and the last one's place from inside. */
static uint32_t guesses(uint32_t *ret_place)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < trace.count; i++) {
        if ((trace.marks[i] & LMM_TRACE_GUESSED) != 0) {
            count++;
            *ret_place = trace.count - 1 - i;
        }
    }
    return count;
}

Test(unwind, guesses_where_there_is_no_rule)
{
    uint32_t place = 0;

    take_inside();
    uint32_t outside = trace.count - 1; /* calls outside of take_inside() */
    cr_expect_eq(guesses(&place), 0);
    for (size_t i = 0; i < 3; i++) {
        with_guessed_pointer(take_inside);
        cr_expect_eq(trace.count, outside + 2, "%u calls", trace.count);
#if defined(__aarch64__) /* a guess leaves sp unknown, so frame pointers lead on */
        cr_expect(guesses(&place) >= 1 && trace.is_stray);
#else
        cr_expect_eq(guesses(&place), 1);
#endif
        cr_expect_eq(place, 1);
        cr_expect(lmm_trace_is_valid(&trace));
        with_other_pointer(take_inside);
        cr_expect_eq(trace.count, 2, "the stack ends there");
    }
}

/* The frames of a coroutine end at its upper end; the word there is the address of a function, whose
 * rule leads a walk on into the guard page. */
static void at_the_edge(void)
{
    take_inside();
    cr_expect(trace.is_stray && trace.count >= 2);
    setcontext(&back);
}

Test(unwind, does_not_touch_a_guard_page)
{
    enum { BYTES = 1 << 16 };
    ucontext_t context;
    char *room = mmap(NULL, 2 * BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *guard = room + BYTES;
    volatile bool has_run = false;

    cr_assert(room != MAP_FAILED && mprotect(room, BYTES, PROT_READ | PROT_WRITE) == 0);
    getcontext(&back);
    if (!has_run) {
        void (*planted)(void) = setup;
        has_run = true;
        memcpy(guard - sizeof(planted), &planted, sizeof(planted));
        getcontext(&context);
#if defined(__aarch64__)
        context.uc_mcontext.sp = (uintptr_t) guard;
        context.uc_mcontext.pc = (uintptr_t) at_the_edge;
        context.uc_mcontext.regs[30] = (uintptr_t) planted;
#else
        context.uc_mcontext.gregs[REG_RSP] = (greg_t) (uintptr_t) (guard - sizeof(planted));
        context.uc_mcontext.gregs[REG_RIP] = (greg_t) (uintptr_t) at_the_edge;
#endif
        setcontext(&context);
    }
    walk_about(1, 50);
}

#endif

#if defined(__aarch64__)

/* Functions that sign their return addresses before they save them, where the processor can. */
static __attribute__((noinline, target("branch-protection=pac-ret+leaf"))) void
signed_calls(uint32_t depth)
{
    if (depth == 0) {
        take();
    } else {
        signed_calls(depth - 1);
    }
    __asm__ volatile("");
}

Test(unwind, leads_through_signed_return_addresses)
{
    enum { DEPTH = 30 };

    take_inside();
    uint32_t outside = trace.count - 1;
    for (size_t i = 0; i < 3; i++) {
        signed_calls(DEPTH);
        cr_expect_eq(trace.count, outside + DEPTH + 1, "%u calls", trace.count);
        uintptr_t recursion = trace.pc[outside + 1];
        for (uint32_t call = outside + 1; call < outside + DEPTH; call++) {
            cr_expect_eq(trace.pc[call], recursion);
        }
        cr_expect(recursion >> 48 == 0 && lmm_trace_is_valid(&trace));
    }
}

#endif

/* The hash depends only on the return addresses, not on how they were found. */
Test(unwind, hashes_what_it_took)
{
    static struct lmm_trace fresh;
    uint32_t random = 3;
    struct lmm_caller caller = LMM_CALLER();

    for (uint32_t depth = 20; depth <= 40; depth++) {
        checks = 0;
        wanted_checks = 5;
        small(&random, depth);
        lmm_trace_clear(&fresh);
        lmm_unwind(&trace, &caller, 24);
        lmm_unwind(&fresh, &caller, 24);
        cr_expect_eq(trace.count - trace.first, fresh.count);
        cr_expect_eq(lmm_trace_hash(&trace), lmm_trace_hash(&fresh), "depth %u", depth);
    }
}

Test(unwind, forgets_rules_of_code_that_is_gone)
{
    walk_about(1, 50);
    lmm_code_forgotten++;
    walk_about(1, 50);
}

Test(unwind, the_walker_finds_a_damaged_trace)
{
    struct lmm_caller caller = LMM_CALLER();

    lmm_unwind(&trace, &caller, LMM_STACK_FRAMES_MAX);
    cr_assert(lmm_trace_is_valid(&trace) && trace.count >= 2 && !trace.is_stray);
    trace.hash[1]++;
    cr_expect(!lmm_trace_is_valid(&trace), "I3");
    trace.hash[1]--;
    uintptr_t sp = trace.sp[1];
    trace.sp[1] = trace.sp[0];
    cr_expect(!lmm_trace_is_valid(&trace), "I1");
    trace.sp[1] = sp;
    trace.first = trace.count + 1;
    cr_expect(!lmm_trace_is_valid(&trace), "calls that are not there");
}
