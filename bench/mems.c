/* SPDX-License-Identifier: MIT */
/*
 * bench-mems [-n OPERATIONS] [-s SIZE_MAX] [LIVE]...: the cost of MeMS's operations by the number
 * of segments.
 *
 * For each number of live segments (default 1,000 to 1,000,000) it allocates them, with random
 * sizes up to SIZE_MAX bytes (default 200), frees a random tenth, so that there are holes of many
 * lengths, and measures batches of three kinds in turn: frees of random segments, allocations of
 * random sizes, which fill the holes, and translations of random addresses in random segments. For
 * each it prints the median and the 95th percentile over batches, in nanoseconds of CPU time per
 * operation; CPU time depends little on other load of the machine.
 *
 * The addresses are chosen before a batch, in random order, so the figures include cache misses.
 */
#include <mems.h>

#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

enum { BATCH = 500, BATCHES_MAX = 10000 };

enum kind { FREE, MALLOC, GET, KINDS };

static const char *const kind_names[KINDS] = {"free", "malloc", "get"};

static struct {
    void **address; /* of the live segments, in any order */
    uint32_t *bytes;
    size_t count;
    size_t bytes_max;
    uint64_t random;
} live = {.bytes_max = 200, .random = 0x9e3779b97f4a7c15u};

static double samples[KINDS][BATCHES_MAX];

static size_t random_below(size_t limit)
{
    return bench_below((uint32_t) bench_random_next(&live.random), limit);
}

static void append(void *address, uint32_t bytes)
{
    if (address == NULL) {
        bench_fail("out of memory");
    }
    live.address[live.count] = address;
    live.bytes[live.count++] = bytes;
}

static void *take_random(void)
{
    size_t i = random_below(live.count);
    void *address = live.address[i];

    live.count--;
    live.address[i] = live.address[live.count];
    live.bytes[i] = live.bytes[live.count];
    return address;
}

static double free_batch(void)
{
    void *batch[BATCH];

    for (size_t i = 0; i < BATCH; i++) {
        batch[i] = take_random();
    }
    double start_ns = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < BATCH; i++) {
        mems_free(batch[i]);
    }
    return bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
}

static double malloc_batch(void)
{
    void *batch[BATCH];
    uint32_t bytes[BATCH];

    for (size_t i = 0; i < BATCH; i++) {
        bytes[i] = 1 + (uint32_t) random_below(live.bytes_max);
    }
    double start_ns = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < BATCH; i++) {
        batch[i] = mems_malloc(bytes[i]);
    }
    double ns = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
    for (size_t i = 0; i < BATCH; i++) {
        append(batch[i], bytes[i]);
    }
    return ns;
}

static double get_batch(void)
{
    char *batch[BATCH];

    for (size_t i = 0; i < BATCH; i++) {
        size_t k = random_below(live.count);
        batch[i] = (char *) live.address[k] + random_below(live.bytes[k]);
    }
    double start_ns = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < BATCH; i++) {
        if (mems_get(batch[i]) == NULL) {
            bench_fail("no translation");
        }
    }
    return bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
}

static void fill(size_t count)
{
    live.count = 0;
    for (size_t i = 0; i < count + count / 10; i++) {
        uint32_t bytes = 1 + (uint32_t) random_below(live.bytes_max);
        append(mems_malloc(bytes), bytes);
    }
    while (live.count > count) {
        mems_free(take_random());
    }
}

static void measure(size_t count, size_t batches)
{
    mems_init();
    fill(count);
    for (size_t i = 0; i < batches; i++) {
        samples[FREE][i] = free_batch() / BATCH;
        samples[MALLOC][i] = malloc_batch() / BATCH;
        samples[GET][i] = get_batch() / BATCH;
    }
    printf("%9zu", count);
    for (int kind = 0; kind < KINDS; kind++) {
        bench_sort(samples[kind], batches);
        printf("  %7.0f %7.0f", samples[kind][batches / 2], samples[kind][batches * 95 / 100]);
    }
    puts("");
    fflush(stdout);
    mems_finish();
}

static const char usage[] =
    "usage: [-n OPERATIONS] [-s SIZE_MAX] [LIVE]..., LIVE from 1000 to 100000000";

static void measure_in_fresh_tables(size_t count, size_t batches)
{
    size_t most = count + count / 10 + 1;

    live.address = calloc(most, sizeof(live.address[0]));
    live.bytes = calloc(most, sizeof(live.bytes[0]));
    if (live.address == NULL || live.bytes == NULL) {
        bench_fail("out of memory");
    }
    measure(count, batches);
    free(live.bytes);
    free(live.address);
}

int main(int argc, char **argv)
{
    static const size_t counts[] = {1000, 10000, 100000, 1000000};
    size_t batches = 1000;
    int option;

    while ((option = getopt(argc, argv, "n:s:")) != -1) {
        if (option == 'n') {
            batches = bench_parse(optarg, BATCH, (size_t) BATCH * BATCHES_MAX, usage) / BATCH;
        } else {
            live.bytes_max = bench_parse(optarg, 1, 1u << 20, usage);
        }
    }
    printf("%9s", "live");
    for (int kind = 0; kind < KINDS; kind++) {
        printf("  %7s %7s", kind_names[kind], "95 %");
    }
    puts("   ns of CPU time per operation: median batch, 95 % of batches below");
    for (int i = optind; i < argc; i++) {
        measure_in_fresh_tables(bench_parse(argv[i], 2 * (size_t) BATCH, 100000000, usage),
                                batches);
    }
    for (size_t i = 0; optind == argc && i < sizeof(counts) / sizeof(counts[0]); i++) {
        measure_in_fresh_tables(counts[i], batches);
    }
    return 0;
}
