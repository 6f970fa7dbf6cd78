/* SPDX-License-Identifier: MIT */
/*
 * forks: threads that fork all the time. The handlers of fork, registered before anybody attaches, hold a lock over each
 * fork, and rest while they wait for it and hold it; so the library is loaded while threads are between their first
 * handler and the fork itself. Another thread allocates, and opens and closes streams, while it holds the same
 * lock: all that a forking thread may wait for. SIGTERM ends the program, with status 6, when each thread has
 * finished its round; SIGUSR1 makes it print how many rounds there were.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FORKERS = 3, STATUS = 6, CHILD_STATUS = 3, REST_US = 1000 };

static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_over;    /* atomic */
static unsigned rounds; /* atomic */

static void allocate(void)
{
    void *block = malloc(300);

    free(realloc(block, 5000));
}

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = REST_US * 1000L};

    nanosleep(&pause, NULL);
}

static void before_fork(void)
{
    pthread_mutex_lock(&handler_lock);
    allocate();
    rest();
    allocate();
}

static void after_fork(void)
{
    allocate();
    pthread_mutex_unlock(&handler_lock);
}

static void fork_one(void)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        allocate();
        _exit(CHILD_STATUS);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != CHILD_STATUS) {
        fprintf(stderr, "a child ended with the status %#x\n", (unsigned) status);
        abort();
    }
}

static void hold_lock(void)
{
    pthread_mutex_lock(&handler_lock);
    allocate();
    FILE *stream = fopen("/dev/null", "w");
    rest();
    allocate();
    fclose(stream);
    pthread_mutex_unlock(&handler_lock);
    rest();
}

static void *run(void *work)
{
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        ((void (*)(void))(uintptr_t) work)();
        __atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[FORKERS + 1];
    sigset_t signals;
    int number = 0;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_atfork(before_fork, after_fork, after_fork);
    for (size_t i = 0; i <= FORKERS; i++) {
        void (*work)(void) = i == FORKERS ? hold_lock : fork_one;
        if (pthread_create(&threads[i], NULL, run, (void *) (uintptr_t) work) != 0) {
            return 1;
        }
    }
    puts("ready");
    fflush(stdout);
    while (sigwait(&signals, &number) == 0 && number != SIGTERM) {
        printf("%u\n", __atomic_load_n(&rounds, __ATOMIC_RELAXED));
        fflush(stdout);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i <= FORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    return STATUS;
}
