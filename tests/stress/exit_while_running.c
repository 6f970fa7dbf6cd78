/* SPDX-License-Identifier: MIT */
/* main() returns while other threads allocate, with the list of live blocks or a leak check enabled: the
 * process must end with the expected status every time. */
#include "tests/stress/stress.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

enum {
    THREADS = 3,
    REPEATS = TSAN ? 6 : 60, /* TSan has every process sleep a second at its end */
    CHILD_SECONDS = 60,
    EXPECTED_EXIT = 33,
};

typedef struct {
    unsigned char bytes[64];
} spin_t;

static atomic_uint allocating;

static void *run(void *number)
{
    uint64_t random = 5 + (uintptr_t) number;
    spin_t *held[100] = {NULL};
    for (unsigned i = 0;; i++) {
        if (i == 1) {
            atomic_fetch_add(&allocating, 1);
        }
        spin_t **slot = &held[random_next(&random) % 100];
        lmm_free(*slot);
        *slot = LMM_NEW(spin_t);
        CHECK(*slot != NULL);
    }
    return NULL;
}

static int run_child(void)
{
    patience_alarm(CHILD_SECONDS);
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, run, (void *) i) == 0);
    }
    spin_t *kept = LMM_NEW(spin_t);
    CHECK(kept != NULL);
    while (atomic_load(&allocating) < THREADS) {
        usleep(100);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        return run_child();
    }
    for (unsigned i = 0; i < REPEATS; i++) {
        bool is_list = i % 2 == 0;
        const char *options =
            is_list ? "leaks=all:exitcode=33:log=/dev/null" : "leaks=1:exitcode=33:log=/dev/null";
        CHECK(setenv("LMM_OPTIONS", options, 1) == 0);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            execl("/proc/self/exe", argv[0], "child", (char *) NULL);
            _exit(127);
        }
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child);
        /* Under a sanitizer, whose code is between LMM and libc, the block can look reachable: by an old word on the
         * main thread's stack. */
        bool may_pass = (ASAN || TSAN) && !is_list && status == 0;
        if (!may_pass && (!WIFEXITED(status) || WEXITSTATUS(status) != EXPECTED_EXIT)) {
            fprintf(stderr, "round %u: the child ended with status %#x\n", i, (unsigned) status);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
