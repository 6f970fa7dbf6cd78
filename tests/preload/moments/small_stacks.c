/* SPDX-License-Identifier: MIT */
/*
 * Small stacks, and how much of the stack a call needs: lmm(7) tells it. Threads and coroutines of
 * 16 KiB allocate everywhere they can; a handler allocates on an alternate stack that has 4 KiB
 * besides what the kernel needs. A stack is painted before each call, to see how deep it goes.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "tests/preload/check.h"

enum {
    SMALL = 16384,
    GUARD = 65536,    /* a multiple of every kernel's page */
    CALL_MAX = 4096,  /* of any call, as lmm(7) tells */
    AGAIN_MAX = 1024, /* of malloc from a place that has allocated before */
    CLEARANCE = 512,  /* of the stack that is not painted: the painter's own frame */
    PAINT = 0xA5,
};

/* Memory for a stack, with a guard page below. */
static char *map_stack(size_t bytes)
{
    char *memory = mmap(NULL, GUARD + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK(mprotect(memory + GUARD, bytes, PROT_READ | PROT_WRITE) == 0);
    return memory + GUARD;
}

static void unmap_stack(char *stack, size_t bytes)
{
    CHECK(munmap(stack - GUARD, GUARD + bytes) == 0);
}

static void run_thread(char *stack, size_t bytes, void *(*run)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, stack, bytes) == 0);
    CHECK(pthread_create(&thread, &attributes, run, arg) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
}

/* ---- Allocation on small stacks -------------------------------------------------------------- */

static pthread_key_t key;

static void allocate(void)
{
    for (size_t bytes = 1; bytes < 600000; bytes *= 3) {
        void *block = check_opaque_pointer(malloc(bytes));
        CHECK_AT(block != NULL, bytes);
        block = check_opaque_pointer(realloc(block, bytes * 2));
        CHECK_AT(block != NULL, bytes);
        free(block);
    }
}

static void destroy(void *block)
{
    allocate();
    free(block);
}

static void *run_small(void *arg)
{
    CHECK(pthread_setspecific(key, malloc(20)) == 0);
    allocate();
    return arg;
}

static void test_threads(void)
{
    long least = sysconf(_SC_THREAD_STACK_MIN); /* on AArch64 libc allows only 128 KiB and more */
    size_t bytes = least > SMALL ? (size_t) least : SMALL;
    char *stack = map_stack(bytes);
    CHECK(pthread_key_create(&key, destroy) == 0);
    for (int i = 0; i < 10; i++) {
        run_thread(stack, bytes, run_small, NULL);
    }
    CHECK(pthread_key_delete(key) == 0);
    unmap_stack(stack, bytes);
}

static void test_coroutine(void)
{
    ucontext_t context;
    ucontext_t back;
    char *stack = map_stack(SMALL);
    CHECK(getcontext(&context) == 0);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = SMALL;
    context.uc_link = &back;
    makecontext(&context, allocate, 0);
    CHECK(swapcontext(&back, &context) == 0);
    unmap_stack(stack, SMALL);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    free(check_opaque_pointer(malloc((size_t) number * 100)));
    handled++;
}

static void test_handlers(void)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE);
    size_t kernel = (size_t) sysconf(_SC_MINSIGSTKSZ);
    size_t bytes = (kernel + CALL_MAX + page - 1) / page * page;
    char *memory = map_stack(bytes);
    stack_t stack = {.ss_sp = memory + bytes - kernel - CALL_MAX, .ss_size = kernel + CALL_MAX};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    stack_t none = {.ss_flags = SS_DISABLE};
    memset(memory, PAINT, bytes - stack.ss_size);
    CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < 10; i++) {
        CHECK(raise(SIGUSR1) == 0);
    }
    CHECK(handled == 10);
    for (size_t i = 0; i < bytes - stack.ss_size; i++) {
        CHECK_AT((unsigned char) memory[i] == PAINT, i);
    }
    CHECK(sigaltstack(&none, NULL) == 0);
    unmap_stack(memory, bytes);
}

/* ---- How deep a call goes -------------------------------------------------------------------- */

static char *painted;

static __attribute__((noinline)) void paint(void)
{
    volatile char *end = (char *) __builtin_frame_address(0) - CLEARANCE;
    for (volatile char *at = painted; at < end; at++) {
        *at = (char) PAINT;
    }
}

/* The bytes below this function's caller that were used since they were painted. */
static __attribute__((noinline)) size_t depth(void)
{
    const unsigned char *at = (const unsigned char *) painted;
    while (*at == PAINT) {
        at++;
    }
    return (size_t) ((const char *) __builtin_frame_address(0) - (const char *) at);
}

/* One place that allocates. */
static __attribute__((noinline)) void *allocate_here(size_t bytes)
{
    paint();
    return check_opaque_pointer(malloc(bytes));
}

static void *measure(void *arg)
{
    size_t of_malloc[2] = {0};
    void *block = NULL;
    for (size_t i = 0; i < check_opaque(2); i++) { /* both calls are from one place */
        free(block);
        block = allocate_here(40);
        of_malloc[i] = depth();
    }
    paint();
    block = realloc(block, 700000);
    size_t resized = depth();
    CHECK(block != NULL);
    paint();
    free(block);
    size_t freed = depth();
    pid_t child = fork();
    if (child == 0) {
        block = allocate_here(50);
        CHECK_AT(depth() <= CALL_MAX, depth());
        _exit(0);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    printf("first %zu, again %zu, resized %zu, freed %zu\n", of_malloc[0], of_malloc[1], resized,
           freed);
    CHECK_AT(of_malloc[0] <= CALL_MAX, of_malloc[0]);
    CHECK_AT(of_malloc[1] <= AGAIN_MAX, of_malloc[1]);
    CHECK_AT(resized <= CALL_MAX, resized);
    CHECK_AT(freed <= CALL_MAX, freed);
    return arg;
}

static void test_depth(void)
{
    enum { LARGE = 1 << 17 };
    painted = map_stack(LARGE);
    free(realloc(malloc(1), 700000)); /* their symbols are bound now: the loader needs stack, too */
    for (int i = 0; i < 3; i++) {
        run_thread(painted, LARGE, measure, NULL);
    }
    unmap_stack(painted, LARGE);
}

int main(void)
{
    check_start();
    test_threads();
    test_coroutine();
    test_handlers();
    test_depth();
    return 0;
}
