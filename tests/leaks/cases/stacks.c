/* SPDX-License-Identifier: MIT */
/*
 * Pointers on stacks and in registers.
 */
#include "tests/leaks/cases/case.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { BYTES = 24, STACK_BYTES = 256 * 1024 };

static ucontext_t back, coroutine;

static void local_of_main(void)
{
    void *volatile local = own(BYTES);

    (void) local;
    exit(0);
}

/* A frame far below, which has returned. */
__attribute__((noinline)) static void dig(int depth)
{
    void *volatile frame[1024];

    frame[512] = NULL;
    if (depth > 0) {
        dig(depth - 1);
    } else {
        frame[512] = own(BYTES);
    }
    (void) frame[512];
}

static void stale_frame(void)
{
    dig(20);
}

static void run_coroutine(void)
{
    void *volatile local = own(BYTES);

    swapcontext(&coroutine, &back);
    (void) local;
}

static void enter_coroutine(void *stack)
{
    need(getcontext(&coroutine) == 0, "getcontext");
    coroutine.uc_stack.ss_sp = stack;
    coroutine.uc_stack.ss_size = STACK_BYTES;
    coroutine.uc_link = &back;
    makecontext(&coroutine, run_coroutine, 0);
    need(swapcontext(&back, &coroutine) == 0, "swapcontext");
}

static void coroutine_in_block(void)
{
    held = own(STACK_BYTES);
    enter_coroutine(held);
}

/* The stack itself is lost; what lies on it hangs on it. */
static void coroutine_in_lost_block(void)
{
    enter_coroutine(own(STACK_BYTES));
    memset(&coroutine, 0, sizeof(coroutine));
    memset(&back, 0, sizeof(back));
}

static void *map_stack(void)
{
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    need(stack != MAP_FAILED, "mmap");
    return stack;
}

static void coroutine_in_mapping(void)
{
    enter_coroutine(map_stack());
}

static void end_in_coroutine(void)
{
    void *volatile local = own(BYTES);

    (void) local;
    exit(0);
}

/* The process ends on a coroutine's stack; main's stack has a pointer, too. */
static void exit_in_coroutine(void)
{
    void *volatile local = own(BYTES + 8);

    need(getcontext(&coroutine) == 0, "getcontext");
    coroutine.uc_stack.ss_sp = map_stack();
    coroutine.uc_stack.ss_size = STACK_BYTES;
    coroutine.uc_link = &back;
    makecontext(&coroutine, end_in_coroutine, 0);
    swapcontext(&back, &coroutine);
    (void) local;
}

static void wait_in_handler(int number)
{
    void *volatile local = own(BYTES);

    (void) number;
    ready();
    for (;;) {
        pause();
    }
    (void) local;
}

/* A thread that is interrupted has one pointer on its stack and another one in its handler. */
static void *be_interrupted(void *flags)
{
    void *volatile local = own(BYTES + 8);
    stack_t alternate = {.ss_sp = map_stack(), .ss_size = STACK_BYTES};
    struct sigaction action = {.sa_handler = wait_in_handler, .sa_flags = *(int *) flags};

    sigaltstack(&alternate, NULL);
    sigaction(SIGUSR1, &action, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    (void) local;
    return NULL;
}

static void handler_on_own_stack(void)
{
    static int flags;

    start(be_interrupted, &flags);
}

static void handler_on_alternate_stack(void)
{
    static int flags = SA_ONSTACK;

    start(be_interrupted, &flags);
}

#ifdef __x86_64__
static volatile uintptr_t handed_over;

/* Decodes the hidden pointer into one place only, then waits there for ever: 34 is pause. */
#define WAIT_WITH(decode)                                                                          \
    __asm__ volatile("mov %0, %%rbx\n not %%rbx\n" decode "\n xor %%ebx, %%ebx\n movq $0, %0\n"    \
                     "1: mov $34, %%eax\n syscall\n jmp 1b"                                        \
                     : "+m"(handed_over)                                                           \
                     :                                                                             \
                     : "rax", "rbx", "rcx", "r11", "r12", "xmm5", "memory")

static void hand_over(void *(*run)(void *) )
{
    handed_over = hide(own(BYTES));
    forget();
    start(run, NULL);
    while (handed_over != 0) {
        usleep(1000);
    }
}

static void *wait_in_register(void *unused)
{
    ready();
    forget();
    WAIT_WITH("mov %%rbx, %%r12");
    return unused;
}

static void *wait_in_vector(void *unused)
{
    ready();
    forget();
    WAIT_WITH("movq %%rbx, %%xmm5");
    return unused;
}

static void *wait_in_red_zone(void *unused)
{
    ready();
    forget();
    WAIT_WITH("mov %%rbx, -120(%%rsp)");
    return unused;
}

/* Below the red zone, where a signal handler may write at any time. */
static void *wait_below_red_zone(void *unused)
{
    ready();
    forget();
    WAIT_WITH("mov %%rbx, -16384(%%rsp)");
    return unused;
}
#endif

static void in_register(void)
{
#ifdef __x86_64__
    hand_over(wait_in_register);
#else
    skip("registers of another machine");
#endif
}

static void in_vector_register(void)
{
#ifdef __x86_64__
    hand_over(wait_in_vector);
#else
    skip("registers of another machine");
#endif
}

static void in_red_zone(void)
{
#ifdef __x86_64__
    hand_over(wait_in_red_zone);
#else
    skip("a machine without a red zone");
#endif
}

static void below_red_zone(void)
{
#ifdef __x86_64__
    hand_over(wait_below_red_zone);
#else
    skip("a machine without a red zone");
#endif
}

const struct leak_case stack_cases[] = {
    {"local_of_main", local_of_main},
    {"stale_frame", stale_frame},
    {"coroutine_in_block", coroutine_in_block},
    {"coroutine_in_lost_block", coroutine_in_lost_block},
    {"coroutine_in_mapping", coroutine_in_mapping},
    {"exit_in_coroutine", exit_in_coroutine},
    {"handler_on_own_stack", handler_on_own_stack},
    {"handler_on_alternate_stack", handler_on_alternate_stack},
    {"in_register", in_register},
    {"in_vector_register", in_vector_register},
    {"in_red_zone", in_red_zone},
    {"below_red_zone", below_red_zone},
    {NULL, NULL},
};
