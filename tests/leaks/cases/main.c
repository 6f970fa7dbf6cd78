/* SPDX-License-Identifier: MIT */
/*
 * main CASE [MODULE] runs one case; main --list lists them.
 */
#include "tests/leaks/cases/case.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, WIPED_BYTES = 48 * 1024 };

static const struct leak_case *const tables[] = {
    reference_cases, mapping_cases, stack_cases,    thread_cases,    module_cases,
    hidden_cases,    shape_cases,   interior_cases, heuristic_cases, container_cases,
    process_cases,   verb_cases,    libc_cases,
};

void *volatile held;
const char *module_path;
static sem_t is_ready;

void need(int condition, const char *what)
{
    if (!condition) {
        perror(what);
        _Exit(1);
    }
}

void skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
    _Exit(SKIPPED);
}

void *own(size_t bytes)
{
    void *block = malloc(bytes);

    need(block != NULL, "malloc");
    memset(block, 0, bytes);
    return block;
}

uintptr_t hide(const void *block)
{
    return ~(uintptr_t) block;
}

void *unhide(uintptr_t hidden)
{
    return (void *) ~hidden;
}

/* Registers that a call may change, those of vectors included: copies of memory pass through them. */
static void forget_registers(void)
{
#ifdef __x86_64__
    static _Alignas(64) struct {
        uint32_t unused[6];
        uint32_t control;
        uint32_t others[(512 + 64) / 4 - 7];
    } initial = {.control = 0x1f80};

    if (__builtin_cpu_supports("avx")) {
        __asm__ volatile("xrstor %0" ::"m"(initial), "a"(0xe7), "d"(0) : "memory");
    }
    __asm__ volatile("xor %%ecx, %%ecx\n xor %%esi, %%esi\n xor %%edi, %%edi\n xor %%r8d, %%r8d\n"
                     "xor %%r9d, %%r9d\n xor %%r10d, %%r10d\n xor %%r11d, %%r11d" ::
                         : "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc");
#endif
}

__attribute__((noinline)) void forget(void)
{
    volatile char stack[WIPED_BYTES];

    for (size_t i = 0; i < sizeof(stack); i++) {
        stack[i] = 0;
    }
    forget_registers();
}

uintptr_t start(void *(*run)(void *), void *argument)
{
    pthread_t thread;

    need(sem_init(&is_ready, 0, 0) == 0, "sem_init");
    need(pthread_create(&thread, NULL, run, argument) == 0, "pthread_create");
    while (sem_wait(&is_ready) != 0) {
    }
    return (uintptr_t) thread;
}

void ready(void)
{
    sem_post(&is_ready);
}

static void list(void)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct leak_case *each = tables[i]; each->name != NULL; each++) {
            puts(each->name);
        }
    }
}

static const struct leak_case *find(const char *name)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct leak_case *each = tables[i]; each->name != NULL; each++) {
            if (strcmp(each->name, name) == 0) {
                return each;
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const struct leak_case *found;

    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    found = argc > 1 ? find(argv[1]) : NULL;
    if (found == NULL) {
        fprintf(stderr, "usage: main CASE [MODULE]\n");
        return 2;
    }
    module_path = argc > 2 ? argv[2] : NULL;
    found->run();
    forget();
    return 0;
}
