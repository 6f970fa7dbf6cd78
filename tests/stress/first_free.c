/* SPDX-License-Identifier: MIT */
/* Threads free NULL, as any program may, while another thread's first allocation starts LMM. Each child
 * process does so once. */
#include "tests/stress/stress.h"

#include <stdatomic.h>
#include <sys/wait.h>

enum { CHILDREN = TSAN || ASAN ? 40 : 300, THREADS = 3 };

static atomic_int ready;
static atomic_bool is_over;

static void *free_nothing(void *arg)
{
    atomic_fetch_add(&ready, 1);
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        lmm_free(NULL);
    }
    return arg;
}

static void start_beside_frees(void)
{
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, free_nothing, NULL) == 0);
    }
    while (atomic_load(&ready) < THREADS) {
    }
    uint64_t *word = LMM_NEW(uint64_t);
    CHECK(word != NULL && *word == 0);
    atomic_store(&is_over, true);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    lmm_free(word);
}

int main(void)
{
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            start_beside_frees();
            _exit(EXIT_SUCCESS);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    return EXIT_SUCCESS;
}
