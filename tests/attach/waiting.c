/* SPDX-License-Identifier: MIT */
/*
 * waiting: the first thread waits on a condition variable, the other one for SIGTERM, in sigwait.
 *
 * Blocks from before that hold blocks from after: the second thread, once woken by SIGUSR1, loses a block of
 * 1234 bytes, and keeps one of 4321 that only a block from before leads to. SIGTERM ends the program,
 * with status 5. `waiting spin` has one thread, which computes, and never waits nor allocates.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOST_BYTES = 1234, KEPT_BYTES = 4321, OLD_BYTES = 100, STATUS = 5 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static bool is_over;

static void **old; /* a block from before, with a pointer in it */

__attribute__((noinline)) static void lose(void)
{
    char *volatile block = malloc(LOST_BYTES);

    block[0] = 1;
    block = NULL;
}

static void *wait_for_signals(void *arg)
{
    const sigset_t *signals = arg;
    int number = 0;

    while (sigwait(signals, &number) == 0 && number != SIGTERM) {
        lose();
        free(*old);
        *old = malloc(KEPT_BYTES);
        puts("allocated");
        fflush(stdout);
    }
    pthread_mutex_lock(&mutex);
    is_over = true;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void on_signal(int number)
{
    (void) number;
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
}

static int spin(void)
{
    signal(SIGTERM, on_signal);
    puts("ready");
    fflush(stdout);
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
    }
    return STATUS;
}

int main(int argc, char *argv[])
{
    (void) argv;
    if (argc > 1) {
        return spin();
    }
    pthread_t thread;
    sigset_t signals;

    old = malloc(OLD_BYTES);
    *old = NULL;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (pthread_create(&thread, NULL, wait_for_signals, &signals) != 0) {
        abort();
    }
    puts("ready");
    fflush(stdout);
    pthread_mutex_lock(&mutex);
    while (!is_over) {
        pthread_cond_wait(&condition, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    free(*old);
    free(old);
    return STATUS;
}
