/* SPDX-License-Identifier: MIT */
/*
 * main: the table of workloads, and a run of one of them, with the allocator under test linked or
 * preloaded.
 *
 *   bench-X -l                                       prints "name kind [size]" for each workload
 *   bench-X [-n OPERATIONS] [-r REPETITIONS] NAME    prints "name median best", ns per operation,
 *                                                    or for memory "name bytes", per object
 *   bench-X -c NAME                                  runs chunks on demand, for bench/run
 *
 * On demand: it prints "ready" after setup. For each byte 'r' on stdin it runs a chunk and prints
 * its ns per operation. For a byte 'e' it frees the live set and prints "empty". It ends with its
 * input. It waits in read() in between, so of several such processes only one uses the machine.
 *
 * The first repetition is not timed: it touches the memory that the others use again. Neither is
 * an eighth of a chunk before each chunk: it loads the caches, which other processes have used.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "bench.h"
#include "crew.h"

enum {
    REPETITIONS = 5,
    REPETITIONS_MAX = 1000,
    CHUNKS_PER_REPETITION = 10,
    WARM_PART = 8,
};

#if BENCH_LMM
struct lmm_family *bench_words;
#endif

#define CPU  CLOCK_PROCESS_CPUTIME_ID
#define WALL CLOCK_MONOTONIC

/* Workloads of the kind "time" are in the geometric mean; those of the kind "extra" are not. */
static const struct bench_workload timed[] = {
    {"pair", CPU, 800000, 0, NULL, bench_pair, NULL},
    {"lifo", CPU, 700000, 10000, bench_order_setup, bench_lifo, NULL},
    {"fifo", CPU, 700000, 10000, bench_order_setup, bench_fifo, NULL},
    {"random", CPU, 600000, 10000, bench_order_setup, bench_random, NULL},
    {"churn_1k", CPU, 800000, 1000, bench_churn_setup, bench_churn, bench_churn_teardown},
    {"churn_10k", CPU, 700000, 10000, bench_churn_setup, bench_churn, bench_churn_teardown},
    {"churn_100k", CPU, 300000, 100000, bench_churn_setup, bench_churn, bench_churn_teardown},
    {"churn_1500k", CPU, 80000, 1500000, bench_churn_setup, bench_churn, bench_churn_teardown},
    {"tree", CPU, 50000, 0, NULL, bench_tree, NULL},
    {"prodcons", WALL, 40000, 0, bench_prodcons_setup, bench_crew_run, bench_crew_stop},
    {"two_threads", WALL, 600000, 2, bench_own_sets_setup, bench_crew_run, bench_sets_teardown},
    {"scale", WALL, 200000, 8, bench_own_sets_setup, bench_crew_run, bench_sets_teardown},
    {"idle_threads", CPU, 800000, 100, bench_idle_setup, bench_idle, bench_sets_teardown},
    {"larson", WALL, 60000, 1000, bench_larson_setup, bench_larson, bench_exchange_teardown},
    {"rptest", WALL, 60000, 1000, bench_handover_setup, bench_crew_run, bench_handover_teardown},
    {"arrays", CPU, 150000, 1000, bench_array_setup, bench_array, bench_array_teardown},
#if !BENCH_LMM
    {"realloc_16", CPU, 75000, 0, NULL, bench_realloc_steps, NULL},
    {"realloc_x2", CPU, 1500, 0, NULL, bench_realloc_doubles, NULL},
    {"realloc_grow", CPU, 20000, 200, bench_realloc_setup, bench_realloc_grow,
     bench_realloc_teardown},
    {"realloc_sizes", CPU, 80000, 1000, bench_realloc_setup, bench_realloc_sizes,
     bench_realloc_teardown},
    {"memalign", CPU, 60000, 1000, bench_aligned_setup, bench_aligned, bench_aligned_teardown},
#endif
    {"calloc", CPU, 30000, 1000, bench_blocks_zeroed_setup, bench_blocks_zeroed,
     bench_blocks_teardown},
    {"medium_pair", CPU, 80000, 0, NULL, bench_blocks_medium_pair, NULL},
    {"medium", CPU, 40000, 200, bench_blocks_medium_setup, bench_blocks_medium,
     bench_blocks_teardown},
    {"large", CPU, 4, 20, bench_blocks_large_setup, bench_blocks_large, bench_blocks_teardown},
};

static const struct bench_workload extra[] = {
    {"prodcons_read", WALL, 40000, 0, bench_prodcons_read_setup, bench_prodcons_read,
     bench_crew_stop},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static double run_chunk(const struct bench_workload *workload, size_t operations)
{
    double start_ns = bench_now_ns(workload->clock);

    workload->run(operations);
    return (bench_now_ns(workload->clock) - start_ns) / (double) operations;
}

static void set_up(const struct bench_workload *workload)
{
    if (workload->setup != NULL) {
        workload->setup(workload->live);
    }
}

static void tear_down(const struct bench_workload *workload)
{
    if (workload->teardown != NULL) {
        workload->teardown();
    }
}

static void run_timed(const struct bench_workload *workload, size_t operations, size_t repetitions)
{
    static double ns[REPETITIONS_MAX];

    if (operations == 0) {
        operations = workload->operations * CHUNKS_PER_REPETITION;
    }
    set_up(workload);
    workload->run(operations);
    for (size_t i = 0; i < repetitions; i++) {
        ns[i] = run_chunk(workload, operations);
    }
    tear_down(workload);
    bench_sort(ns, repetitions);
    printf("%s %.3f %.3f\n", workload->name, ns[repetitions / 2], ns[0]);
}

/* Answers go past stdio, whose buffers would come from the allocator under test. */
static void answer(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0) {
        exit(EXIT_FAILURE);
    }
}

static void run_on_demand(const struct bench_workload *workload)
{
    char text[32];
    char order;

    set_up(workload);
    workload->run(workload->operations);
    answer("ready\n");
    while (read(STDIN_FILENO, &order, 1) == 1) {
        if (order == 'e') {
            tear_down(workload);
            answer("empty\n");
            continue;
        }
        workload->run(workload->operations / WARM_PART);
        snprintf(text, sizeof(text), "%.3f\n", run_chunk(workload, workload->operations));
        answer(text);
    }
}

static const struct bench_workload *find_in(const struct bench_workload *table, size_t count,
                                            const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static const struct bench_workload *find_timed(const char *name)
{
    const struct bench_workload *workload = find_in(timed, COUNT(timed), name);

    return workload != NULL ? workload : find_in(extra, COUNT(extra), name);
}

/* Returns the size in "memory_SIZE"; 0 if that size is not measured. */
static size_t memory_size(const char *name)
{
    char candidate[32];

    for (const size_t *size = bench_memory_sizes; *size != 0; size++) {
        snprintf(candidate, sizeof(candidate), "memory_%zu", *size);
        if (strcmp(candidate, name) == 0) {
            return *size;
        }
    }
    return 0;
}

static void list(void)
{
    for (size_t i = 0; i < COUNT(timed); i++) {
        printf("%s time\n", timed[i].name);
    }
    for (size_t i = 0; i < COUNT(extra); i++) {
        printf("%s extra\n", extra[i].name);
    }
    for (const size_t *size = bench_memory_sizes; *size != 0; size++) {
        printf("memory_%zu memory %zu\n", *size, *size);
    }
}

static const char bad_count[] = "a count must be a positive number, and not too large";

__attribute__((noreturn)) static void usage(void)
{
    fputs("usage: bench-X -l | -c WORKLOAD | [-n OPERATIONS] [-r REPETITIONS] WORKLOAD\n", stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    size_t operations = 0;
    size_t repetitions = REPETITIONS;
    bool is_on_demand = false;
    int option;

    while ((option = getopt(argc, argv, "lcn:r:")) != -1) {
        switch (option) {
        case 'l': list(); return 0;
        case 'c': is_on_demand = true; break;
        case 'n': operations = bench_parse(optarg, 1, SIZE_MAX / 2, bad_count); break;
        case 'r': repetitions = bench_parse(optarg, 1, REPETITIONS_MAX, bad_count); break;
        default: usage();
        }
    }
    if (argc - optind != 1) {
        usage();
    }
    const char *name = argv[optind];
    const struct bench_workload *workload = find_timed(name);
    size_t size_bytes = memory_size(name);

    BENCH_PREPARE();
    if (workload != NULL && is_on_demand) {
        run_on_demand(workload);
    } else if (workload != NULL) {
        run_timed(workload, operations, repetitions);
    } else if (size_bytes != 0) {
        printf("%s %.3f\n", name, bench_memory(size_bytes));
    } else {
        bench_fail("no such workload; -l lists them");
    }
    return 0;
}
