/* SPDX-License-Identifier: MIT */
/* start: each new process forks while another of its threads uses LMM for the first time, at
 * different moments of LMM's start. Both child and parent must be able to use LMM afterwards. */
#include <lmm/lmm.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PROCESSES = 400,
    SECONDS_MAX = 100,
    STEP_SPINS = 1500,
};

struct item {
    char bytes[32];
};

static atomic_bool begins;

static void *use_first(void *unused)
{
    atomic_store(&begins, true);
    if (LMM_NEW(struct item) == NULL) {
        abort();
    }
    return unused;
}

static int status_of(pid_t child)
{
    int status = -1;

    if (waitpid(child, &status, 0) != child) {
        abort();
    }
    return status;
}

/* Forks so many spins after the other thread began. */
static void race(unsigned spins)
{
    pthread_t thread;

    alarm(SECONDS_MAX);
    if (pthread_create(&thread, NULL, use_first, NULL) != 0) {
        abort();
    }
    while (!atomic_load(&begins)) {
    }
    for (unsigned i = 0; i < spins; i++) {
        atomic_load(&begins);
    }
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS_MAX);
        lmm_free(LMM_NEW(struct item));
        _exit(LMM_NEW(struct item) == NULL);
    }
    int status = status_of(child);
    pthread_join(thread, NULL);
    _exit(status != 0);
}

int main(void)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < PROCESSES && failed == 0; i++) {
        pid_t child = fork();
        if (child == 0) {
            race(i * STEP_SPINS / 10);
        }
        if (child < 0 || status_of(child) != 0) {
            fprintf(stderr, "process %u: it or its child was not done after %d s\n", i,
                    SECONDS_MAX);
            failed++;
        }
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
