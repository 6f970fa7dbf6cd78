/* SPDX-License-Identifier: MIT */
/*
 * bench-scan [-m MEBIBYTES] [-s BYTES] [-r REPETITIONS] [SHAPE]...: the speed of a leak check's scan: the
 * copy of the pages' state, marking, and classes.
 *
 * Fills so much memory (default 1024) with blocks of so many bytes (default 100), connected in one of
 * the shapes[] below, and scans it in turn with a plain linear read of the same memory. Nothing but the
 * array or the pointer named there is a root. The scan runs in the process itself, which has one
 * thread; a check runs it in a child process that has the same memory.
 *
 * Prints a table in Markdown: the shape, the rates of read and scan, in GiB of that memory per second of
 * CPU time, the median of the ratios of neighbouring runs, the times of the three phases, and the time of
 * the scan by block; of a list also the time by block that a program needs to walk along it. All are
 * medians. It calls LMM's internals.
 */
#include <lmm/lmm.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "lib/leaks/leak_classes.h"

enum { REPETITIONS = 9, REPETITIONS_MAX = 100, PHASES = 3 };

static const char usage[] =
    "usage: bench-scan [-m MEBIBYTES] [-s BYTES] [-r REPETITIONS] [SHAPE]...";

static struct {
    size_t mebibytes;
    size_t block_bytes;
    size_t repetitions;
} options = {1024, 100, REPETITIONS};

static struct {
    char **block; /* in the order of allocation, or of the shape */
    size_t count;
    char *root;
    char *list; /* the first block of a list */
    bool array_is_root;
} made;

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* The places of pointers in a block: words at multiples of 8 of the address. */
static void set_pointer(char *block, size_t i, char *to)
{
    uintptr_t place = ((uintptr_t) block + 7) / 8 * 8 + i * sizeof(to);

    memcpy((void *) place, &to, sizeof(to));
}

static void shuffle(void)
{
    uint64_t random = 0x9e3779b97f4a7c15u;

    for (size_t i = made.count; i > 1; i--) {
        size_t j = bench_below((uint32_t) (bench_random_next(&random) >> 32), i);
        char *other = made.block[j];
        made.block[j] = made.block[i - 1];
        made.block[i - 1] = other;
    }
}

static void link_list(void)
{
    for (size_t i = 0; i < made.count; i++) {
        set_pointer(made.block[i], 0, i + 1 < made.count ? made.block[i + 1] : NULL);
    }
    made.root = made.block[0];
    made.list = made.block[0];
}

static void make_array(void)
{
    made.array_is_root = true;
}

static void make_shuffled_array(void)
{
    shuffle();
    made.array_is_root = true;
}

static void make_list(void)
{
    link_list();
}

static void make_shuffled_list(void)
{
    shuffle();
    link_list();
}

/* A binary heap's tree, whose nodes lie in no order. */
static void make_tree(void)
{
    shuffle();
    for (size_t i = 0; i < made.count; i++) {
        for (size_t j = 1; j <= 2; j++) {
            set_pointer(made.block[i], j - 1,
                        2 * i + j < made.count ? made.block[2 * i + j] : NULL);
        }
    }
    made.root = made.block[0];
}

static void make_lost(void)
{
}

static void make_lost_list(void)
{
    link_list();
    made.root = NULL;
}

static void make_lost_shuffled_list(void)
{
    make_shuffled_list();
    made.root = NULL;
}

static void make_lost_tree(void)
{
    make_tree();
    made.root = NULL;
}

static const struct {
    const char *name;
    void (*make)(void);
} shapes[] = {
    {"array", make_array},                 /* a root array of pointers to all, by address */
    {"array-random", make_shuffled_array}, /* the same, in random order */
    {"list", make_list},                   /* a list in the order of addresses */
    {"list-random", make_shuffled_list},   /* a list in random order */
    {"tree-random", make_tree},            /* a binary tree of blocks in random order */
    {"lost", make_lost},                   /* nothing leads to them, nor do they */
    {"lost-list", make_lost_list},         /* a list that nothing leads to */
    {"lost-list-random", make_lost_shuffled_list},
    {"lost-tree-random", make_lost_tree},
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* ---- Measuring ------------------------------------------------------------------------------- */

static uint64_t volatile sink;

/* Reads the memory of all pages, and returns how many bytes. */
static size_t read_linearly(const struct lmm_graph *graph)
{
    size_t bytes = 0;
    uint64_t sum = 0;

    for (size_t i = 0; i < graph->page_count; i++) {
        const uint64_t *word = (const uint64_t *) graph->pages[i].base;
        size_t words = (size_t) graph->pages[i].slots * graph->pages[i].stride / sizeof(*word);
        for (size_t j = 0; j < words; j++) {
            sum += word[j];
        }
        bytes += words * sizeof(*word);
    }
    sink = sum;
    return bytes;
}

/* Walks along the list; returns the time by block. */
static double walk_list(void)
{
    double start = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);

    for (const char *block = made.list; block != NULL;) {
        memcpy(&block, (const void *) (((uintptr_t) block + 7) / 8 * 8), sizeof(block));
        sink = (uintptr_t) block;
    }
    return (bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / (double) made.count;
}

static void check_result(const struct lmm_classes *classes)
{
    uint64_t blocks = 0;

    for (size_t i = 0; i < classes->count; i++) {
        blocks += classes->leaks[i].blocks;
    }
    if (blocks < made.count) {
        bench_fail("blocks are missing");
    }
}

/* The phases: graph, mark, classes; ret_ends: when each ended. */
static void scan(double ret_ends[PHASES])
{
    static const struct lmm_marker_settings settings = {.heuristics = LMM_HEURISTICS_ALL};
    static struct lmm_marker marker;
    struct lmm_classes classes;

    if (!lmm_marker_init(&marker, &settings)) {
        bench_fail("out of memory");
    }
    ret_ends[0] = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    if (made.array_is_root) {
        lmm_marker_root(&marker, made.block, made.block + made.count);
    }
    lmm_marker_root_word(&marker, (uintptr_t) made.root);
    lmm_marker_run(&marker);
    ret_ends[1] = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    if (!lmm_classes_tally(&marker, NULL, &classes)) {
        bench_fail("out of memory");
    }
    ret_ends[2] = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    check_result(&classes);
    lmm_classes_end(&classes);
    lmm_marker_end(&marker);
}

static void measure(const char *name)
{
    static double reads[REPETITIONS_MAX];
    static double scans[REPETITIONS_MAX];
    static double ratios[REPETITIONS_MAX];
    static double walks[REPETITIONS_MAX];
    static double phases[PHASES][REPETITIONS_MAX];
    struct lmm_graph graph;
    size_t bytes = 0;

    if (!lmm_graph_init(&graph)) {
        bench_fail("out of memory");
    }
    for (size_t i = 0; i < options.repetitions; i++) {
        double ends[PHASES];
        double start = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
        bytes = read_linearly(&graph);
        double middle = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
        scan(ends);
        walks[i] = made.list == NULL ? 0 : walk_list();
        reads[i] = middle - start;
        scans[i] = ends[PHASES - 1] - middle;
        ratios[i] = reads[i] / scans[i];
        for (size_t j = 0; j < PHASES; j++) {
            phases[j][i] = (ends[j] - (j == 0 ? middle : ends[j - 1])) / 1e6;
        }
    }
    lmm_graph_end(&graph);
    bench_sort(reads, options.repetitions);
    bench_sort(scans, options.repetitions);
    bench_sort(ratios, options.repetitions);
    size_t median = options.repetitions / 2;
    double gib_ns = (double) bytes / (1 << 30) * 1e9;
    printf("| %s | %.2f | %.2f | %.2f |", name, gib_ns / reads[median], gib_ns / scans[median],
           ratios[median]);
    for (size_t j = 0; j < PHASES; j++) {
        bench_sort(phases[j], options.repetitions);
        printf(" %.1f |", phases[j][median]);
    }
    printf(" %.1f |", scans[median] / (double) made.count);
    if (made.list != NULL) {
        bench_sort(walks, options.repetitions);
        printf(" %.1f |\n", walks[median]);
    } else {
        printf(" |\n");
    }
    fflush(stdout);
}

static void make_blocks(void)
{
    struct lmm_family *family =
        lmm_family_register("node", options.block_bytes, options.block_bytes % 8 == 0 ? 8 : 4);

    made.count = options.mebibytes * (1 << 20) / options.block_bytes;
    made.block = malloc(made.count * sizeof(made.block[0]));
    for (size_t i = 0; i < made.count; i++) {
        if (made.block == NULL || (made.block[i] = lmm_zalloc(family)) == NULL) {
            bench_fail("out of memory");
        }
    }
}

static int compare(const void *a, const void *b)
{
    const char *x = *(char *const *) a;
    const char *y = *(char *const *) b;

    return x < y ? -1 : x > y;
}

/* Makes the blocks as they were at first: zero, in the order of addresses. */
static void start_afresh(void)
{
    qsort(made.block, made.count, sizeof(made.block[0]), compare);
    for (size_t i = 0; i < made.count; i++) {
        memset(made.block[i], 0, options.block_bytes);
    }
    made.root = NULL;
    made.list = NULL;
    made.array_is_root = false;
}

static void run_shape(const char *name)
{
    size_t i = 0;

    while (i < SHAPES && strcmp(shapes[i].name, name) != 0) {
        i++;
    }
    if (i == SHAPES) {
        bench_fail("no such shape");
    }
    start_afresh();
    shapes[i].make();
    measure(name);
}

int main(int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "m:s:r:")) != -1;) {
        switch (option) {
        case 'm': options.mebibytes = bench_parse(optarg, 1, 1 << 20, usage); break;
        case 's': options.block_bytes = bench_parse(optarg, 32, 8192, usage); break;
        case 'r': options.repetitions = bench_parse(optarg, 1, REPETITIONS_MAX, usage); break;
        default: bench_fail(usage);
        }
    }
    make_blocks();
    printf("| shape | read GiB/s | scan GiB/s | ratio | graph ms | mark ms | classes ms "
           "| scan ns a block | walk ns a block |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (int i = optind; i < argc; i++) {
        run_shape(argv[i]);
    }
    for (size_t i = 0; i < SHAPES && optind == argc; i++) {
        run_shape(shapes[i].name);
    }
    return 0;
}
