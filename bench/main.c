/* SPDX-License-Identifier: MIT */
/*
 * main: the table of workloads, and a run of one of them. bench/run starts this program in a new
 * process for each figure, with the allocator under test linked or preloaded.
 *
 *   bench-X -l                                       prints "name kind [size]" for each workload
 *   bench-X [-n OPERATIONS] [-r REPETITIONS] NAME    prints "name median best", ns per operation,
 *                                                    or for memory "name bytes", per object
 *
 * The first repetition is not timed: it touches the memory that the others use again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

enum {
    REPETITIONS = 5,
    REPETITIONS_MAX = 1000,
};

/* Workloads of the kind "time" are in the geometric mean; those of the kind "extra" are not. */
static const struct bench_workload timed[] = {
    {"pair", 2000000, 0, NULL, bench_pair, NULL},
    {"lifo", 2000000, 10000, bench_order_setup, bench_lifo, NULL},
    {"fifo", 2000000, 10000, bench_order_setup, bench_fifo, NULL},
    {"random", 1500000, 10000, bench_order_setup, bench_random, NULL},
    {"churn_1k", 2000000, 1000, bench_churn_setup, bench_churn, bench_churn_teardown},
    {"churn_10k", 2000000, 10000, bench_churn_setup, bench_churn, bench_churn_teardown},
    {"churn_100k", 1000000, 100000, bench_churn_setup, bench_churn, bench_churn_teardown},
    {"churn_1m", 500000, 1000000, bench_churn_setup, bench_churn, bench_churn_teardown},
    {"tree", 300000, 0, NULL, bench_tree, NULL},
    {"prodcons", 500000, 0, bench_prodcons_setup, bench_prodcons, bench_threads_teardown},
    {"two_threads", 1000000, 10000, bench_two_threads_setup, bench_two_threads,
     bench_two_threads_teardown},
    {"arrays", 500000, 1000, bench_array_setup, bench_array, bench_array_teardown},
};

static const struct bench_workload extra[] = {
    {"prodcons_read", 500000, 0, bench_prodcons_read_setup, bench_prodcons, bench_threads_teardown},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void run_timed(const struct bench_workload *workload, size_t operations, size_t repetitions)
{
    static double ns[REPETITIONS_MAX];

    if (operations == 0) {
        operations = workload->operations;
    }
    if (workload->setup != NULL) {
        workload->setup(workload->live);
    }
    workload->run(operations);
    for (size_t i = 0; i < repetitions; i++) {
        double start_ns = bench_now_ns(CLOCK_MONOTONIC);

        workload->run(operations);
        ns[i] = (bench_now_ns(CLOCK_MONOTONIC) - start_ns) / (double) operations;
    }
    if (workload->teardown != NULL) {
        workload->teardown();
    }
    bench_sort(ns, repetitions);
    printf("%s %.3f %.3f\n", workload->name, ns[repetitions / 2], ns[0]);
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
    fputs("usage: bench-X -l | [-n OPERATIONS] [-r REPETITIONS] WORKLOAD\n", stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    size_t operations = 0;
    size_t repetitions = REPETITIONS;
    int option;

    while ((option = getopt(argc, argv, "ln:r:")) != -1) {
        switch (option) {
        case 'l': list(); return 0;
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

    if (workload != NULL) {
        run_timed(workload, operations, repetitions);
    } else if (size_bytes != 0) {
        printf("%s %.3f\n", name, bench_memory(size_bytes));
    } else {
        bench_fail("no such workload; -l lists them");
    }
    return 0;
}
