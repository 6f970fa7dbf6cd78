/* SPDX-License-Identifier: MIT */
#include "tests/exit/scenarios.h"

#include <lmm/lmm.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS = 3 };

typedef struct {
    char name[32];
    unsigned id;
} emp_t;

typedef struct {
    double values[3];
} sample_t;

/* Pointers are kept here, so that the blocks become leaks only at the exit. */
static void *kept[64];
static unsigned kept_count;

static void keep(void *block)
{
    if (block == NULL) {
        _exit(120);
    }
    kept[kept_count++] = block;
}

#line 1000
static void hire(void)
{
    keep(LMM_NEW(emp_t));
}

static void measure(unsigned n)
{
    keep(LMM_NEW_ARRAY(sample_t, n));
}

static void sit(void)
{
    keep(LMM_ALLOC(emp_t));
}
#line 52

const char *const leak_lines[LEAK_LINES] = {
    "live: 5 blocks, 180 bytes of emp_t allocated at tests/exit/scenarios.c:1002 (hire)",
    "live: 2 blocks, 408 bytes of sample_t allocated at tests/exit/scenarios.c:1007 (measure)",
    "live: 1 block, 36 bytes of emp_t allocated at tests/exit/scenarios.c:1012 (sit)",
    "live: 3 blocks, 216 bytes of struct order allocated at (unattributed)",
};

static void make_leaks(void)
{
    for (int i = 0; i < 5; i++) {
        hire();
    }
    measure(7);
    measure(10);
    sit();
    struct lmm_family *order = lmm_family_register("struct order", 72, 8);
    for (int i = 0; i < 3; i++) {
        keep(lmm_zalloc(order));
    }
}

/* Leaks, and leaves text in stdio's buffers. */
static int print_and_leak(void)
{
    make_leaks();
    printf("no newline after this");
    return STATUS;
}

static int leak(void)
{
    lmm_free(LMM_NEW(emp_t));
    return print_and_leak();
}

static int clean(void)
{
    make_leaks();
    while (kept_count > 0) {
        lmm_free(kept[--kept_count]);
    }
    printf("no newline after this");
    return STATUS;
}

static int unused(void)
{
    printf("LMM was never called");
    return STATUS;
}

/* ---- What runs while the process ends is not too late to free ---- */

static void free_all_but_one(void)
{
    while (kept_count > 1) {
        lmm_free(kept[--kept_count]);
    }
    printf("handler.");
}

static int freed_by_handler(void)
{
    hire();
    atexit(free_all_but_one);
    hire();
    hire();
    return STATUS;
}

static void *destructor_block;

__attribute__((destructor)) static void destroy(void)
{
    lmm_free(destructor_block);
}

static int freed_by_destructor(void)
{
    destructor_block = LMM_NEW(emp_t);
    sit();
    return STATUS;
}

static void print_late(void)
{
    printf("late.");
    hire();
}

static int leaked_by_handler(void)
{
    lmm_free(LMM_NEW(emp_t));
    atexit(print_late);
    return STATUS;
}

/* ---- Other ways to end ---- */

static int deep_exit(void)
{
    exit(print_and_leak());
}

/* Fills the stack below main() with pointers to a block that nothing else holds. */
static __attribute__((noinline)) void hold_in_frames(void (*then)(int status))
{
    void *volatile locals[1024];

    for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
        locals[i] = i == 0 ? LMM_NEW(emp_t) : locals[0];
    }
    if (then != NULL) {
        then(STATUS);
        (void)
            locals[0]; /* so that the call above is no jump, before which the frame would be gone */
    }
}

static int held_until_return(void)
{
    hold_in_frames(NULL);
    return STATUS;
}

static int held_at_exit(void)
{
    hold_in_frames(exit);
    return STATUS;
}

static void *exit_in_thread(void *arg)
{
    (void) arg;
    exit(print_and_leak());
}

static int thread_exit(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, exit_in_thread, NULL) != 0) {
        return 121;
    }
    for (;;) {
        pause();
    }
}

static void *leak_in_thread(void *arg)
{
    (void) arg;
    make_leaks();
    return NULL;
}

static int thread_leak(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, leak_in_thread, NULL) != 0 ||
        pthread_join(thread, NULL) != 0) {
        return 121;
    }
    printf("no newline after this");
    return STATUS;
}

/* Ends at once: no handler and no destructor runs. */
static int immediate(void)
{
    make_leaks();
    printf("lost");
    _exit(STATUS);
}

static int stderr_closed(void)
{
    fclose(stderr);
    close(2);
    return print_and_leak();
}

static int stdout_closed(void)
{
    make_leaks();
    fclose(stdout);
    return STATUS;
}

static int forked(void)
{
    hire();
    hire();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        measure(7);
        measure(10);
        exit(STATUS);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return 122;
    }
    printf("%ld.%d", (long) child, WEXITSTATUS(status));
    return STATUS;
}

/* ---- fill ---- */

static unsigned char byte_of(const void *block, size_t bytes)
{
    const unsigned char *byte = block;
    return bytes > 1 && memcmp(byte, byte + 1, bytes - 1) != 0 ? 0x11 : byte[0];
}

/* Prints what is in a new block, a zeroed one, a freed one, and in freed arrays. The second block
 * of each keeps the page in use. */
static int fill(void)
{
    emp_t *emp = LMM_ALLOC(emp_t);
    emp_t *zeroed = LMM_NEW(emp_t);
    emp_t *array = LMM_NEW_ARRAY(emp_t, 9);
    emp_t *after = LMM_NEW_ARRAY(emp_t, 9);
    if (emp == NULL || zeroed == NULL || array == NULL || after == NULL) {
        return 121;
    }
    printf("new %02x zeroed %02x array %02x", byte_of(emp, sizeof(*emp)),
           byte_of(zeroed, sizeof(*zeroed)), byte_of(array, 9 * sizeof(*array)));
    memset(emp, 0x55, sizeof(*emp));
    memset(array, 0x55, 9 * sizeof(*array));
    lmm_free(emp);
    lmm_free(array);
    printf(" freed %02x array %02x", byte_of(emp, sizeof(*emp)),
           byte_of(array, 9 * sizeof(*array)));
    emp = LMM_NEW(emp_t);
    array = LMM_NEW_ARRAY(emp_t, 9);
    array = lmm_resize(array, 400);
    if (emp == NULL || array == NULL) {
        return 121;
    }
    printf(" again %02x array %02x", byte_of(emp, sizeof(*emp)),
           byte_of(array, 400 * sizeof(*array)));
    lmm_free(emp);
    lmm_free(array);
    lmm_free(after);
    lmm_free(zeroed);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} scenarios[] = {
    {"leak", leak},
    {"clean", clean},
    {"unused", unused},
    {"freed_by_handler", freed_by_handler},
    {"freed_by_destructor", freed_by_destructor},
    {"leaked_by_handler", leaked_by_handler},
    {"deep_exit", deep_exit},
    {"held_until_return", held_until_return},
    {"held_at_exit", held_at_exit},
    {"thread_exit", thread_exit},
    {"thread_leak", thread_leak},
    {"immediate", immediate},
    {"stderr_closed", stderr_closed},
    {"stdout_closed", stdout_closed},
    {"forked", forked},
    {"fill", fill},
};

int scenario_run(const char *name)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(scenarios[i].name, name) == 0) {
            return scenarios[i].run();
        }
    }
    return 127;
}
