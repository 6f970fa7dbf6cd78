/* SPDX-License-Identifier: MIT */
/* without_main_thread: a test in a child process whose main thread has ended. */
#ifndef LMM_TESTS_WITHOUT_MAIN_THREAD_H
#define LMM_TESTS_WITHOUT_MAIN_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not by pthread_join(): AddressSanitizer's, of GCC 14, knows no main thread. */
static inline void wait_for_end_of_main_thread(void)
{
    char path[64];
    char text[512];
    const char *state = NULL;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int) getpid());
    while (state == NULL || strncmp(state, ") Z", 3) != 0) {
        FILE *file = fopen(path, "re");
        size_t bytes = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

        if (file != NULL) {
            fclose(file);
        }
        text[bytes] = '\0';
        state = strrchr(text, ')');
        usleep(1000);
    }
}

static bool (*test_without_main_thread)(void);

static inline void *run_without_main_thread(void *arg)
{
    wait_for_end_of_main_thread();
    _exit(test_without_main_thread() ? EXIT_SUCCESS : EXIT_FAILURE);
    return arg;
}

/* Whether the test returns true in such a child. */
static inline bool is_good_without_main_thread(bool (*test)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        pthread_t thread;
        test_without_main_thread = test;
        pthread_create(&thread, NULL, run_without_main_thread, NULL);
        pthread_exit(NULL);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

#endif
