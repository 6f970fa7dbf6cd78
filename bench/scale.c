/* SPDX-License-Identifier: MIT */
/*
 * scale: what an allocation costs in a process with many threads and many call stacks. The program
 * is compiled as the workloads are (alloc.h), and bench/scale runs it.
 *
 *   bench-scale-X gone THREADS          THREADS threads lived at once, each allocated, and all ended
 *   bench-scale-X idle THREADS STACKS   THREADS threads have allocated, and sleep
 *   bench-scale-X fork THREADS STACKS   the same, and then the process forks
 *
 * prints "time VALUE": ns for an alloc and a free, or for a fork and the wait for the child. With
 * STACKS, the main thread first allocates a block from each of so many call stacks. The program
 * ends by _exit with live blocks, so that a ledger stays.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "bench.h"
#include "call_stacks.h"

enum {
    THREADS_MAX = 30000,
    STACKS_MAX = 1 << 14, /* what the levels below can make */
    THREAD_STACK_BYTES = 64 * 1024,
    BLOCKS = 200000,
    ROUNDS = 5,
    FORKS = 20,
};

static const char usage[] =
    "usage: bench-scale-X gone THREADS | idle THREADS STACKS | fork THREADS STACKS";

/* ---- Call stacks ----------------------------------------------------------------------------- */

static __attribute__((noinline)) void *leaf(unsigned path)
{
    return bench_touch(BENCH_ALLOC(struct bench_56), path);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static pthread_t threads[THREADS_MAX];
static pthread_barrier_t all_allocated;
static pthread_barrier_t end; /* where idle threads wait */
static size_t stacks;         /* 0: a thread ends at once */

static void *thread_main(void *arg)
{
    BENCH_FREE(bench_touch(BENCH_ALLOC(struct bench_56), 1));
    if (stacks != 0) {
        BENCH_FREE(level_7((unsigned) (stacks / 2)));
    }
    pthread_barrier_wait(&all_allocated);
    if (stacks != 0) {
        pthread_barrier_wait(&end);
    }
    return arg;
}

/* All threads have allocated when this returns. */
static void start_threads(size_t count)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    pthread_barrier_init(&all_allocated, NULL, (unsigned) count + 1);
    pthread_barrier_init(&end, NULL, (unsigned) count + 1);
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], &attributes, thread_main, NULL) != 0) {
            bench_fail("a thread cannot be created");
        }
    }
    pthread_barrier_wait(&all_allocated);
}

/* ---- What is measured ------------------------------------------------------------------------ */

static void *blocks[BLOCKS];
static void *kept[STACKS_MAX];

/* The best of the rounds, ns for an alloc and a free. Blocks come from the call stacks in turn. */
static double time_blocks(void)
{
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double begun = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
        for (size_t i = 0; i < BLOCKS; i++) {
            blocks[i] = stacks != 0 ? level_7((unsigned) (i % stacks)) : leaf(0);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            BENCH_FREE(blocks[i]);
        }
        double each = (bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - begun) / BLOCKS;
        best = round == 0 || each < best ? each : best;
    }
    return best;
}

/* The median, ns for a fork and the wait for its child. */
static double time_forks(void)
{
    double times[FORKS];

    for (int i = 0; i < FORKS; i++) {
        double begun = bench_now_ns(CLOCK_MONOTONIC);
        pid_t child = fork();
        if (child == 0) {
            _exit(EXIT_SUCCESS);
        }
        if (child < 0 || waitpid(child, NULL, 0) != child) {
            bench_fail("fork failed");
        }
        times[i] = bench_now_ns(CLOCK_MONOTONIC) - begun;
    }
    bench_sort(times, FORKS);
    return times[FORKS / 2];
}

int main(int count, char **words)
{
    if (count != 3 && count != 4) {
        bench_fail(usage);
    }
    bool is_gone = strcmp(words[1], "gone") == 0;
    bool is_fork = strcmp(words[1], "fork") == 0;
    if (is_gone != (count == 3) || (!is_gone && !is_fork && strcmp(words[1], "idle") != 0)) {
        bench_fail(usage);
    }
    size_t thread_count = bench_parse(words[2], 0, THREADS_MAX, usage);
    stacks = is_gone ? 0 : bench_parse(words[3], 1, STACKS_MAX, usage);
    for (size_t i = 0; i < stacks; i++) {
        kept[i] = level_7((unsigned) i);
    }
    start_threads(thread_count);
    for (size_t i = 0; is_gone && i < thread_count; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("time %.1f\n", is_fork ? time_forks() : time_blocks());
    fflush(stdout);
    _exit(EXIT_SUCCESS);
}
