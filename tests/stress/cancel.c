/* SPDX-License-Identifier: MIT */
/* A thread with a cancellation pending completes everything that makes system calls under LMM's
 * locks: its start, a report, a fork. If it ended inside, the next thread would wait for the lock
 * for ever. */
#include "tests/stress/stress.h"

#include <fcntl.h>
#include <sys/wait.h>

enum { SECONDS = 60 };

typedef struct {
    char bytes[40];
} thing_t;

static bool started;
static bool reported;
static bool forked;

static void *run(void *null_stream)
{
    pthread_cancel(pthread_self());
    lmm_free(LMM_NEW(thing_t));
    started = true;
    CHECK(lmm_print_usage(null_stream) == 0);
    reported = true;
    pid_t child = fork();
    if (child == 0) {
        lmm_free(LMM_NEW(thing_t));
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        _exit(EXIT_SUCCESS);
    }
    forked = true;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    FILE *null_stream = fopen("/dev/null", "w");

    CHECK(null_stream != NULL);
    patience_alarm(SECONDS);
    CHECK(pthread_create(&thread, NULL, run, null_stream) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(started && reported && forked);
    lmm_free(LMM_NEW(thing_t));
    CHECK(lmm_print_usage(null_stream) == 0);
    fclose(null_stream);
    return EXIT_SUCCESS;
}
