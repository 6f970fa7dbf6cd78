/* SPDX-License-Identifier: MIT */
/* Children that are made without fork's handlers, by _Fork, by clone and by system calls. They
 * allocate and free: that counts for themselves and never for the parent. */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum {
    BLOCKS = 1000,
    BLOCK_BYTES = 100,
    CHILD_BLOCKS = 3000,
    STACK_BYTES = 1 << 18,
    PATIENCE_SECONDS = 50,
};

static void *block[BLOCKS];

static void check_blocks(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK_AT(check_is_painted(block[i], BLOCK_BYTES, i), i);
    }
}

/* Bytes that live now, as the process's own books say. */
static size_t live_bytes(void)
{
    return mallinfo2().uordblks;
}

static int be_child(void *arg)
{
    patience_alarm(PATIENCE_SECONDS);
    check_blocks();
    size_t before = live_bytes();
    for (size_t i = 0; i < CHILD_BLOCKS; i++) {
        void *kept = check_opaque_pointer(malloc(BLOCK_BYTES));
        CHECK(kept != NULL);
        if (i % 2 == 0) {
            free(kept);
        }
    }
    CHECK(live_bytes() >= before + CHILD_BLOCKS / 2 * BLOCK_BYTES);
    for (size_t i = 0; i < BLOCKS; i++) {
        free(block[i]);
    }
    CHECK(live_bytes() >= before + (CHILD_BLOCKS / 2 - BLOCKS) * BLOCK_BYTES);
    CHECK(live_bytes() < before + CHILD_BLOCKS / 2 * BLOCK_BYTES * 2);
    (void) arg;
    _exit(0);
}

/* A child of few calls, all of which the fast paths could serve. */
static _Noreturn void be_short_lived(void)
{
    enum { FREED = 7, ALLOCATED = 3 };

    for (size_t i = 0; i < FREED; i++) {
        free(block[i]);
    }
    for (size_t i = 0; i < ALLOCATED; i++) {
        check_opaque_pointer(malloc(BLOCK_BYTES));
    }
    _exit(0);
}

static pid_t by_fork_function(void)
{
    return _Fork();
}

static pid_t by_clone_function(void)
{
    static char stack[STACK_BYTES] __attribute__((aligned(64)));
    return clone(be_child, stack + STACK_BYTES, SIGCHLD, NULL);
}

static pid_t by_system_call(void)
{
    return (pid_t) syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
}

static void test_child(pid_t (*make)(void), bool is_short_lived)
{
    size_t before = live_bytes();
    int status = 0;
    pid_t child = make();
    CHECK(child >= 0);
    if (child == 0 && is_short_lived) {
        be_short_lived();
    }
    if (child == 0) {
        be_child(NULL);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_AT(status == 0, status);
    CHECK_AT(live_bytes() == before, live_bytes());
    check_blocks();
}

int main(void)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = malloc(BLOCK_BYTES);
        CHECK(block[i] != NULL);
        check_paint(block[i], BLOCK_BYTES, i);
    }
    live_bytes(); /* once before it is compared: it may allocate */
    for (int round = 0; round < 2; round++) {
        test_child(by_fork_function, false);
        test_child(by_clone_function, false);
        test_child(by_system_call, false);
        test_child(by_fork_function, true);
        test_child(by_system_call, true);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(block[i]);
    }
    return 0;
}
