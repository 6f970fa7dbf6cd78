/* SPDX-License-Identifier: MIT */
/* Allocates a little and prints "ok", and whether the drop-in is loaded; for environments with
 * limits: no /proc, a static program, raised privileges. */
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
