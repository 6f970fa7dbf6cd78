/* SPDX-License-Identifier: MIT */
/*
 * A program whose threads allocate forks again and again. Fork handlers allocate, too: those of a
 * library that was loaded before the drop-in, and the program's. Children find their blocks
 * undamaged, free blocks of threads that they do not have, start threads and children of their own,
 * and exit or exec.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"
#include "tests/preload/moments/early_library.h"

enum { THREADS = 3, FORKS = 24, OWN = 500, SHARED = 256, PATIENCE_SECONDS = 55 };

static atomic_bool stop;
static _Atomic(void *) shared[SHARED];
static void *own[OWN];
static unsigned handled[3];

static size_t own_size(size_t i)
{
    return i % 50 == 0 ? 200000 + i : 1 + i * 13 % 3000;
}

static void *make(size_t i)
{
    void *block = malloc(own_size(i));
    CHECK(block != NULL);
    check_paint(block, own_size(i), i);
    return block;
}

static void check_and_replace_own(void)
{
    for (size_t i = 0; i < OWN; i++) {
        CHECK_AT(check_is_painted(own[i], own_size(i), i), i);
        free(own[i]);
        own[i] = make(i);
    }
}

static void handle(unsigned which)
{
    handled[which]++;
    free(malloc(100));
    free(malloc(100000));
}

static void prepare(void)
{
    handle(0);
}

static void in_parent(void)
{
    handle(1);
}

static void in_child(void)
{
    handle(2);
}

/* A shared block has its length in its first word. */
static void *allocate(void *number)
{
    uint64_t random = (uintptr_t) number;
    /* Pauses now and then, so that on a small machine the thread that forks can run. */
    for (unsigned i = 1; !atomic_load(&stop); i++) {
        if (i % 32 == 0) {
            usleep(50);
        }
        uint64_t dice = random_next(&random);
        size_t bytes = sizeof(bytes) + (size_t) (dice >> 20) % (dice % 100 == 0 ? 300000 : 2000);
        size_t *block = malloc(bytes);
        CHECK(block != NULL);
        *block = bytes;
        size_t *old = atomic_exchange(&shared[dice % SHARED], block);
        CHECK(old == NULL || *old >= sizeof(bytes));
        free(dice % 7 == 0 && old != NULL ? realloc(old, *old * 2) : old);
    }
    return NULL;
}

static void *run_in_child(void *arg)
{
    for (size_t i = 0; i < SHARED; i++) {
        free(atomic_exchange(&shared[i], malloc(i)));
    }
    return arg;
}

static void wait_for(pid_t child)
{
    int status = 0;
    CHECK(child > 0);
    while (waitpid(child, &status, 0) != child) {
        CHECK(errno == EINTR);
    }
    CHECK_AT(status == 0, status);
}

_Noreturn static void be_child(int round)
{
    patience_alarm(PATIENCE_SECONDS);
    CHECK(handled[2] == 1 && early_forks[2] == 1);
    check_and_replace_own();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_in_child, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    if (round % 5 == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            check_and_replace_own();
            exit(0);
        }
        wait_for(grandchild);
    }
    if (round % 7 == 0) {
        execl("/bin/true", "true", (char *) NULL);
        _exit(126);
    }
    if (round % 2 == 0) {
        exit(0);
    }
    _exit(0);
}

static void *fork_in_thread(void *round)
{
    pid_t child = fork();
    if (child == 0) {
        be_child((int) (intptr_t) round);
    }
    wait_for(child);
    return NULL;
}

int main(void)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    CHECK(pthread_atfork(prepare, in_parent, in_child) == 0);
    for (size_t i = 0; i < OWN; i++) {
        own[i] = make(i);
    }
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, allocate, (void *) (i + 1)) == 0);
    }
    for (int round = 0; round < FORKS; round++) {
        pthread_t forker;
        if (round % 3 == 0) {
            CHECK(pthread_create(&forker, NULL, fork_in_thread, (void *) (intptr_t) round) == 0);
            CHECK(pthread_join(forker, NULL) == 0);
        } else {
            fork_in_thread((void *) (intptr_t) round);
        }
        check_and_replace_own();
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    CHECK(handled[0] == FORKS && handled[1] == FORKS && early_forks[1] == FORKS);
    return 0;
}
