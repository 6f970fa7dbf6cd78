/* SPDX-License-Identifier: MIT */
/*
 * Stacks of every kind, from which call stacks are taken: coroutines on small blocks of malloc and
 * of mmap, entered, left and resumed by other threads; a recursion of 100,000 frames; threads with
 * the smallest possible stack, of libc and of the program, with a guard page below; code without
 * unwind tables.
 */
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/preload/check.h"

enum {
    COROUTINES = 100,
    SWITCHES = 30,
    SMALL_STACK = 12 << 10,
    DEPTH = 100000,
    DEEP_STACK = 64 << 20,
    PATIENCE_SECONDS = 50,
};

struct coroutine {
    ucontext_t context;
    ucontext_t back;
    void *stack;
    size_t number;
    size_t steps;
};

static struct coroutine coroutines[COROUTINES];

static __attribute__((noinline)) void work(struct coroutine *self, size_t bytes)
{
    void *block = malloc(bytes);
    CHECK(block != NULL);
    memset(block, (int) self->number, bytes);
    void *zeroed = calloc(1, bytes / 2 + 1);
    CHECK(zeroed != NULL);
    CHECK(swapcontext(&self->context, &self->back) == 0);
    CHECK(((unsigned char *) block)[bytes - 1] == self->number);
    free(zeroed);
    free(block);
}

static void run_coroutine(unsigned number)
{
    struct coroutine *self = &coroutines[number];
    while (self->steps < SWITCHES) {
        self->steps++;
        work(self, 1 + self->number * 50 + self->steps);
    }
}

static void start(size_t i)
{
    struct coroutine *one = &coroutines[i];
    one->number = i;
    one->stack = i % 2 == 0 ? malloc(SMALL_STACK)
                            : mmap(NULL, SMALL_STACK, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(one->stack != NULL && one->stack != MAP_FAILED);
    CHECK(getcontext(&one->context) == 0);
    one->context.uc_stack.ss_sp = one->stack;
    one->context.uc_stack.ss_size = SMALL_STACK;
    one->context.uc_link = &one->back;
    makecontext(&one->context, (void (*)(void)) run_coroutine, 1, (unsigned) i);
}

/* Runs each coroutine until it yields. */
static void *resume_all(void *arg)
{
    for (size_t i = 0; i < COROUTINES; i++) {
        CHECK(swapcontext(&coroutines[i].back, &coroutines[i].context) == 0);
    }
    return arg;
}

static void run_thread(const pthread_attr_t *attributes, void *(*run)(void *) )
{
    pthread_t thread;
    CHECK(pthread_create(&thread, attributes, run, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void test_coroutines(void)
{
    for (size_t i = 0; i < COROUTINES; i++) {
        start(i);
    }
    for (int i = 0; i <= SWITCHES; i++) {
        if (i % 3 == 0) {
            run_thread(NULL, resume_all);
        } else {
            resume_all(NULL);
        }
    }
    for (size_t i = 0; i < COROUTINES; i++) {
        CHECK_AT(coroutines[i].steps == SWITCHES, i);
        if (i % 2 == 0) {
            free(coroutines[i].stack);
        } else {
            munmap(coroutines[i].stack, SMALL_STACK);
        }
    }
}

static __attribute__((noinline)) size_t descend(size_t depth)
{
    char *block = depth % 10 == 0 ? malloc(depth % 500 + 1) : NULL;
    CHECK(depth % 10 != 0 || block != NULL);
    size_t below = depth == 0 ? 0 : descend(depth - 1);
    __asm__ volatile("" : "+r"(below) : : "memory");
    free(block);
    return below + 1;
}

static void *run_deep(void *arg)
{
    CHECK(descend(DEPTH) == DEPTH + 1);
    return arg;
}

static void *run_small(void *arg)
{
    for (size_t i = 0; i < 3000; i++) {
        void *block = i % 2 == 0 ? malloc(i * i % 100000) : calloc(1, i % 5000);
        CHECK(block != NULL);
        block = realloc(block, i % 1000 + 1);
        CHECK(block != NULL);
        free(block);
    }
    return arg;
}

static void test_threads(void)
{
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, DEEP_STACK) == 0);
    run_thread(&attributes, run_deep);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t) PTHREAD_STACK_MIN) == 0);
    for (int i = 0; i < 20; i++) {
        run_thread(&attributes, run_small);
    }
    size_t page = (size_t) sysconf(_SC_PAGESIZE);
    size_t bytes = (size_t) PTHREAD_STACK_MIN;
    char *memory = mmap(NULL, bytes + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK(mprotect(memory + page, bytes, PROT_READ | PROT_WRITE) == 0);
    CHECK(pthread_attr_setstack(&attributes, memory + page, bytes) == 0);
    for (int i = 0; i < 20; i++) {
        run_thread(&attributes, run_small);
    }
    munmap(memory, bytes + page);
    CHECK(pthread_attr_destroy(&attributes) == 0);
}

#ifdef __x86_64__
/* A caller of malloc without unwind tables, and with an invalid frame pointer. The stack is aligned
 * as the ABI requires: 8 bytes of return address, 8 of rbp, 8 of rbx and 8 unused. */
void *call_without_tables(void *(*function)(size_t), size_t argument);
__asm__(".text\n"
        ".type call_without_tables, @function\n"
        "call_without_tables:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    sub $8, %rsp\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rdi\n"
        "    mov $0x5555555555555555, %rbp\n"
        "    mov $8, %rbx\n"
        "    call *%rax\n"
        "    add $8, %rsp\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size call_without_tables, . - call_without_tables\n");

/* The same in mapped memory, like code of a JIT compiler. */
static const unsigned char machine_code[] = {
    0x55,                         /* push %rbp */
    0x48, 0x89, 0xf8,             /* mov %rdi, %rax */
    0x48, 0x89, 0xf7,             /* mov %rsi, %rdi */
    0xbd, 0x10, 0x00, 0x00, 0x00, /* mov $16, %ebp */
    0xff, 0xd0,                   /* call *%rax */
    0x5d,                         /* pop %rbp */
    0xc3,                         /* ret */
};

static void test_no_tables(void)
{
    void *(*made)(void *(*function)(size_t), size_t argument);
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memcpy(memory, machine_code, sizeof(machine_code));
    CHECK(mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0);
    memcpy(&made, &memory, sizeof(made));
    for (size_t i = 0; i < 1000; i++) {
        void *block = call_without_tables(malloc, i * 10);
        CHECK(block != NULL);
        free(block);
        block = made(malloc, i * 10);
        CHECK(block != NULL);
        free(block);
    }
    munmap(memory, 4096);
}
#else
static void test_no_tables(void)
{
}
#endif

int main(void)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    test_coroutines();
    test_threads();
    test_no_tables();
    return 0;
}
