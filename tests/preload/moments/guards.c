/* SPDX-License-Identifier: MIT */
/*
 * Stacks beside memory that is mapped but cannot be read. Coroutines stand in one mapping, with
 * guard pages between them. The address above the outermost frame of a coroutine is that of a
 * function which ends it, so a walk takes that for a return address and reads on, past the stack.
 * Code made at run time has the address of a guard page in the frame pointer.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "tests/preload/check.h"

enum { COROUTINES = 20, STACK = 65536, PAGE = 4096, BLOCKS = 50, ROUNDS = 3 };

#ifdef __x86_64__

/* Runs function(argument) on the stack whose first word is the address that it returns to. */
void guards_enter(void *stack, void (*function)(void));
void guards_leave(void);
extern void *guards_left;
void *guards_left;
__asm__(".text\n"
        ".type guards_enter, @function\n"
        "guards_enter:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov guards_left@GOTPCREL(%rip), %rax\n"
        "    mov %rsp, (%rax)\n"
        "    mov %rdi, %rsp\n"
        "    xor %ebp, %ebp\n"
        "    jmp *%rsi\n"
        ".size guards_enter, . - guards_enter\n"
        ".type guards_leave, @function\n"
        "guards_leave:\n"
        "    mov guards_left@GOTPCREL(%rip), %rax\n"
        "    mov (%rax), %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n"
        ".size guards_leave, . - guards_leave\n");

static size_t ended;

/* Stands before the function that ends a coroutine: a walk takes it for the caller. */
static __attribute__((noinline)) void before_the_end(void)
{
    ended += check_opaque(0);
}

static __attribute__((noinline)) void end_coroutine(void)
{
    before_the_end();
    ended++;
    guards_leave();
}

static void allocate(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        void *block = check_opaque_pointer(malloc(i * 10));
        CHECK(block != NULL);
        free(block);
    }
}

static __attribute__((noinline)) void run_coroutine(void)
{
    allocate();
    ended += check_opaque(0);
}

/* The coroutines' stacks; below and above each is a guard page. */
static char *map_stacks(void)
{
    char *memory = mmap(NULL, COROUTINES * (STACK + PAGE) + PAGE, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (size_t i = 0; i < COROUTINES; i++) {
        CHECK(mprotect(memory + PAGE + i * (STACK + PAGE), STACK, PROT_READ | PROT_WRITE) == 0);
    }
    return memory;
}

static void test_coroutines(void)
{
    char *memory = map_stacks();
    ended = 0;
    for (size_t i = 0; i < COROUTINES * ROUNDS; i++) {
        char *top = memory + (i % COROUTINES + 1) * (STACK + PAGE) - sizeof(void *);
        void (*end)(void) = end_coroutine;
        memcpy(top, &end, sizeof(end));
        guards_enter(top, run_coroutine);
    }
    CHECK(ended == COROUTINES * ROUNDS);
    CHECK(munmap(memory, COROUTINES * (STACK + PAGE) + PAGE) == 0);
}

/* push %rbp; mov %rdx, %rbp; call *%rsi; pop %rbp; ret */
static const unsigned char machine_code[] = {0x55, 0x48, 0x89, 0xd5, 0xff, 0xd6, 0x5d, 0xc3};

typedef void *made_function(size_t bytes, void *(*function)(size_t), void *frame_pointer);

static made_function *made;
static char *guard;

static __attribute__((noinline)) void run_made(void)
{
    free(check_opaque_pointer(made(100, malloc, guard + 64)));
    free(check_opaque_pointer(made(100, malloc, guard - 16)));
    free(check_opaque_pointer(made(100, malloc, (void *) 1)));
    ended += check_opaque(0);
}

static void test_frame_pointers(void)
{
    char *memory = map_stacks();
    void *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    memcpy(code, machine_code, sizeof(machine_code));
    CHECK(mprotect(code, PAGE, PROT_READ | PROT_EXEC) == 0);
    memcpy(&made, &code, sizeof(made));
    guard = memory + STACK + PAGE;
    char *top = guard - sizeof(void *);
    void (*end)(void) = end_coroutine;
    memcpy(top, &end, sizeof(end));
    ended = 0;
    guards_enter(top, run_made);
    CHECK(ended == 1);
    run_made(); /* on the thread's own stack */
    CHECK(munmap(code, PAGE) == 0);
    CHECK(munmap(memory, COROUTINES * (STACK + PAGE) + PAGE) == 0);
}

#else
static void test_coroutines(void)
{
}
static void test_frame_pointers(void)
{
}
#endif

static void *run_all(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        test_coroutines();
        test_frame_pointers();
    }
    return arg;
}

int main(void)
{
    pthread_t thread;

    check_start();
    run_all(NULL);
    CHECK(pthread_create(&thread, NULL, run_all, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
