/* SPDX-License-Identifier: MIT */
/* A program that sets the variables of teaching allocators itself, by setenv and putenv, and removes
 * them: ALLOCATOR_SCRIBBLE fills blocks from then on, when they are allocated and when they are
 * freed; ALLOCATOR_LEAK_CHECK prints the report at exit; ALLOCATOR_ALGORITHM places blocks, of which
 * none is damaged. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum { NEW_BYTE = 0xAA, FREED_BYTE = 0xDD, MARK = 0x33, LEFT_BYTES = 12345 };

static bool is_filled(const unsigned char *byte, size_t bytes, int value)
{
    for (size_t i = 0; i < bytes; i++) {
        if (byte[i] != value) {
            return false;
        }
    }
    return true;
}

/* Whether blocks of that size, one of them used before, are filled when allocated and when freed. */
static void check_fills(size_t bytes, bool fills)
{
    unsigned char *block = check_opaque_pointer(malloc(bytes));
    CHECK_AT(!fills || is_filled(block, malloc_usable_size(block), NEW_BYTE), bytes);
    memset(block, MARK, bytes);
    free(block);
    unsigned char *freed = check_opaque_pointer(block); /* LMM leaves it mapped */
    CHECK_AT(is_filled(freed, bytes, fills ? FREED_BYTE : MARK), bytes);
    block = check_opaque_pointer(malloc(bytes));
    CHECK_AT(!fills || is_filled(block, bytes, NEW_BYTE), bytes);
    memset(block, MARK, bytes);
    block = check_opaque_pointer(realloc(block, bytes * 3));
    CHECK_AT(is_filled(block, bytes, MARK), bytes);
    CHECK_AT(!fills || block[bytes * 3 - 1] == NEW_BYTE, bytes);
    free(block);
    block = check_opaque_pointer(calloc(1, bytes));
    CHECK_AT(check_is_zero(block, bytes), bytes);
    free(block);
}

static void *check_in_thread(void *fills)
{
    for (size_t bytes = 24; bytes < 60000; bytes = bytes * 2 + 8) {
        check_fills(bytes, *(bool *) fills);
    }
    return NULL;
}

/* In this thread, which has used blocks before, and in a new one. */
static void check_all_fills(bool fills)
{
    pthread_t thread;

    if (check_is_under_lmm()) {
        check_in_thread(&fills);
        CHECK(pthread_create(&thread, NULL, check_in_thread, &fills) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
}

static void test_scribble(bool is_set_by_options)
{
    static char by_putenv[] = "ALLOCATOR_SCRIBBLE=1";

    check_all_fills(is_set_by_options);
    errno = 4321;
    CHECK(setenv("ALLOCATOR_SCRIBBLE", "1", 1) == 0 && errno == 4321);
    check_all_fills(true);
    CHECK(setenv("ALLOCATOR_SCRIBBLE", "0", 0) == 0); /* it stays 1 */
    check_all_fills(true);
    CHECK(setenv("ALLOCATOR_SCRIBBLE", "0", 1) == 0);
    check_all_fills(is_set_by_options);
    CHECK(putenv(by_putenv) == 0);
    check_all_fills(true);
    CHECK(unsetenv("ALLOCATOR_SCRIBBLE") == 0);
    check_all_fills(is_set_by_options);
    CHECK(putenv(by_putenv) == 0);
    CHECK(clearenv() == 0);
    check_all_fills(is_set_by_options);
    errno = 0;
    CHECK(setenv(check_opaque_pointer(by_putenv), "1", 1) == -1 && errno == EINVAL);
}

/* Blocks of many lengths, with each algorithm in turn while the others' blocks live. */
static void test_algorithm(void)
{
    static const char *const words[] = {"first_fit", "best_fit", "worst_fit", "nonsense"};
    enum { BLOCKS = 400 };
    static void *block[BLOCKS];
    for (size_t round = 0; round < 8; round++) {
        CHECK(setenv("ALLOCATOR_ALGORITHM", words[round % 4], 1) == 0);
        for (size_t i = 0; i < BLOCKS; i++) {
            size_t bytes = 9000 + i * 7 % 61 * 1000;
            CHECK_AT(block[i] == NULL || check_is_painted(block[i], bytes, i), i);
            if ((i + round) % 3 != 0) {
                free(block[i]);
                block[i] = malloc(bytes);
                CHECK_AT(block[i] != NULL, i);
                check_paint(block[i], bytes, i);
            }
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(block[i]);
    }
    CHECK(unsetenv("ALLOCATOR_ALGORITHM") == 0);
}

/* A child whose standard output is a pipe prints its leaks there, or, if it removes the variable
 * again, nothing. */
static void check_leak_check(bool removes)
{
    int pipes[2];
    static char text[65536];
    size_t length = 0;
    ssize_t bytes;

    CHECK(pipe(pipes) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(dup2(pipes[1], STDOUT_FILENO) == STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        CHECK(setenv("ALLOCATOR_LEAK_CHECK", "1", 1) == 0);
        memset(check_opaque_pointer(malloc(LEFT_BYTES)), 1, LEFT_BYTES);
        CHECK(!removes || unsetenv("ALLOCATOR_LEAK_CHECK") == 0);
        exit(0);
    }
    close(pipes[1]);
    while ((bytes = read(pipes[0], text + length, sizeof(text) - 1 - length)) > 0) {
        length += (size_t) bytes;
    }
    close(pipes[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    bool prints = memmem(text, length, "malloc-large", strlen("malloc-large")) != NULL;
    CHECK(prints == (check_is_under_lmm() && !removes));
}

int main(void)
{
    const char *options = getenv("LMM_OPTIONS");

    check_start();
    check_leak_check(false);
    check_leak_check(true);
    test_algorithm();
    test_scribble(options != NULL && strstr(options, "fill=both") != NULL);
    return 0;
}
