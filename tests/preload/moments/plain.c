/* SPDX-License-Identifier: MIT */
/*
 * Allocates a little and says "ok", and whether the drop-in is there; for places where a program cannot
 * look around: no /proc, static, raised privileges.
 */
#include "tests/preload/check.h"

#include <pthread.h>

static void *allocate(void *arg)
{
    for (size_t i = 0; i < 3000; i++) {
        void *block = malloc(i * i % 200000);
        CHECK(block != NULL);
        free(block);
    }
    return arg;
}

int main(void)
{
    allocate(NULL);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, allocate, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    const char *words = check_is_under_lmm() ? "ok, on the drop-in\n" : "ok, plain\n";
    return write(STDOUT_FILENO, words, strlen(words)) > 0 ? 0 : 1;
}
