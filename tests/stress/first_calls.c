/* SPDX-License-Identifier: MIT */
/* Threads call LMM, as any program may, while another thread's first allocation starts it. Each child
 * process starts it once, beside threads that make one of the calls again and again. */
#include "tests/stress/stress.h"

#include <stdatomic.h>
#include <sys/wait.h>

enum { CHILDREN = TSAN || ASAN ? 10 : 25, THREADS = 2 };

static atomic_int ready;
static atomic_bool is_over;
static FILE *nowhere;

/* ---- Calls ------------------------------------------------------------------------------------- */

static void free_nothing(void)
{
    lmm_free(NULL);
}

static void ask_for_a_local(void)
{
    int local = 0;

    CHECK(lmm_family_of(&local) == NULL);
}

static int see_family(struct lmm_family *family, void *arg)
{
    (void) arg;
    struct lmm_stats stats = stress_stats(family);
    CHECK(stats.live_blocks <= 1);
    return 0;
}

static void visit_families(void)
{
    CHECK(lmm_for_each_family(see_family, NULL) == 0);
}

static void print(void)
{
    CHECK(lmm_print_usage(nowhere) == 0);
}

static int see_block(const struct lmm_block *block, void *arg)
{
    (void) arg;
    CHECK(block->address != NULL);
    return 0;
}

static void visit_blocks(void)
{
    CHECK(lmm_for_each_block(NULL, see_block, NULL) == 0);
}

static void trim(void)
{
    (void) lmm_trim(); /* the bytes depend on how far the start has come */
}

static void mark(void)
{
    (void) lmm_mark("beside the start"); /* 0 before it */
}

static void find(void)
{
    (void) lmm_family_find("uint64_t"); /* NULL until it is registered */
}

static void check(void)
{
    struct lmm_leaks leaks;

    CHECK(lmm_leak_scan(0, &leaks) == 0);
}

static void (*const calls[])(void) = {
    free_nothing, ask_for_a_local, visit_families, print, visit_blocks, trim, mark, find, check,
};

/* ---- Threads ----------------------------------------------------------------------------------- */

static void *call_on(void *arg)
{
    void (*const *call)(void) = arg;

    atomic_fetch_add(&ready, 1);
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        (*call)();
    }
    return arg;
}

static void start_beside(void (*const *call)(void))
{
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, call_on, (void *) (uintptr_t) call) == 0);
    }
    while (atomic_load(&ready) < THREADS) {
    }
    uint64_t *word = LMM_NEW(uint64_t);
    CHECK(word != NULL && *word == 0);
    usleep(200); /* the others meet the started LMM, too */
    atomic_store(&is_over, true);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    lmm_free(word);
}

static void start_in_child(void (*const *call)(void))
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        start_beside(call);
        _exit(EXIT_SUCCESS);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void)
{
    nowhere = fopen("/dev/null", "w");
    CHECK(nowhere != NULL);
    for (int i = 0; i < CHILDREN; i++) {
        for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
            start_in_child(&calls[k]);
        }
    }
    return fclose(nowhere);
}
