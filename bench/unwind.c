/* SPDX-License-Identifier: MIT */
/*
 * bench-unwind [-r REPETITIONS] [DEPTH]...: the cost of capturing a call stack with each of the
 * functions[] below, at depths of 8, 16 and 24 frames of this program plus those of main() and
 * libc.
 *
 * Each captured stack differs from the last one, as in an allocator: before each capture, the
 * program calls down through functions of different frame sizes, by one of PATHS paths in turn. The
 * cost of these calls is measured with a capture that does nothing, and subtracted.
 *
 * Prints a table in Markdown: the function, the depth, the number of frames found, and nanoseconds
 * per capture and per frame: the median over the repetitions, in which the functions take turns.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if BENCH_LIBUNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#endif

#include "bench.h"

enum {
    FRAMES_MAX = 64,
    DEPTH_MAX = 48,
    PATHS = 16,
    CAPTURES = 20000, /* of one timed batch; a multiple of PATHS */
    REPETITIONS = 15,
    REPETITIONS_MAX = 1000,
};

/*
 * Writes up to max return addresses of the calling thread's stack to frames, innermost first, and
 * returns how many; 0 or less if it failed.
 */
typedef int capture_function(void **frames, int max);

static int capture_nothing(void **frames, int max)
{
    (void) max;
    frames[0] = NULL;
    return 0;
}

/* By name from libc, because libunwind has a function of the same name. */
static int capture_backtrace(void **frames, int max)
{
    static capture_function *libc_backtrace;

    if (libc_backtrace == NULL) {
        void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
        void *symbol = libc != NULL ? dlsym(libc, "backtrace") : NULL;

        if (symbol == NULL) {
            return 0;
        }
        memcpy(&libc_backtrace, &symbol, sizeof(symbol));
    }
    return libc_backtrace(frames, max);
}

static const struct {
    const char *name;
    capture_function *capture;
} functions[] = {
    {"nothing", capture_nothing}, /* the first: subtracted from the others */
    {"backtrace (glibc)", capture_backtrace},
#if BENCH_LIBUNWIND
    {"unw_backtrace (libunwind)", unw_backtrace},
#endif
};

enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

static struct {
    capture_function *capture;
    int found;
} current;

static double samples[FUNCTIONS][REPETITIONS_MAX];

/* ---- The calls ------------------------------------------------------------------------------- */

/* Calls the next function of the path, or captures if depth is 0. */
static void descend(unsigned depth, unsigned path);

static __attribute__((noinline)) void capture_here(void)
{
    void *frames[FRAMES_MAX];

    current.found = current.capture(frames, FRAMES_MAX);
    __asm__ volatile("" : : "r"(frames) : "memory");
}

/* Functions whose frames have different sizes and return addresses. */
#define DEFINE_WALK(words)                                                                         \
    static __attribute__((noinline)) void walk_##words(unsigned depth, unsigned path)              \
    {                                                                                              \
        uint64_t room[words];                                                                      \
                                                                                                   \
        room[0] = depth;                                                                           \
        __asm__ volatile("" : : "r"(room) : "memory");                                             \
        descend(depth, path);                                                                      \
        __asm__ volatile("" : : "r"(room) : "memory");                                             \
    }

DEFINE_WALK(2)
DEFINE_WALK(6)
DEFINE_WALK(14)
DEFINE_WALK(30)

static inline __attribute__((always_inline)) void descend(unsigned depth, unsigned path)
{
    if (depth == 0) {
        capture_here();
        return;
    }
    /* Two bits of the path choose the function; the path is rotated, so it has bits for any
     * depth. */
    unsigned next = (path >> 2 | path << 30);

    switch (path & 3u) {
    case 0: walk_2(depth - 1, next); break;
    case 1: walk_6(depth - 1, next); break;
    case 2: walk_14(depth - 1, next); break;
    default: walk_30(depth - 1, next); break;
    }
}

/* ---- Measuring ------------------------------------------------------------------------------- */

static double batch_ns(capture_function *capture, unsigned depth)
{
    static const unsigned spread = 0x9e3779b1u; /* makes 32 mixed bits from a path's number */
    double start_ns = bench_now_ns(CLOCK_MONOTONIC);

    current.capture = capture;
    for (unsigned i = 0; i < CAPTURES; i++) {
        descend(depth, (i % PATHS + 1) * spread);
    }
    return (bench_now_ns(CLOCK_MONOTONIC) - start_ns) / CAPTURES;
}

static double median(double *figures, size_t count)
{
    bench_sort(figures, count);
    return figures[count / 2];
}

static void measure(unsigned depth, size_t repetitions)
{
    int found[FUNCTIONS];

    for (size_t i = 0; i < FUNCTIONS; i++) {
        batch_ns(functions[i].capture, depth); /* not timed: loads libraries and fills caches */
        found[i] = current.found;
    }
    for (size_t rep = 0; rep < repetitions; rep++) {
        for (size_t i = 0; i < FUNCTIONS; i++) {
            samples[i][rep] = batch_ns(functions[i].capture, depth);
        }
    }
    double walk_ns = median(samples[0], repetitions);

    for (size_t i = 1; i < FUNCTIONS; i++) {
        double ns = median(samples[i], repetitions) - walk_ns;

        if (found[i] <= 0) {
            fprintf(stderr, "bench-unwind: %s found no frame\n", functions[i].name);
            continue;
        }
        printf("| %-25s | %5u | %6d | %10.1f | %8.1f |\n", functions[i].name, depth, found[i], ns,
               ns / found[i]);
    }
}

static const char usage[] = "usage: bench-unwind [-r REPETITIONS] [DEPTH]...";

int main(int argc, char **argv)
{
    static const unsigned depths[] = {8, 16, 24};
    size_t repetitions = REPETITIONS;
    int first = 1;

    if (argc > 2 && strcmp(argv[1], "-r") == 0) {
        repetitions = bench_parse(argv[2], 1, REPETITIONS_MAX, usage);
        first = 3;
    }
    printf("| %-25s | depth | frames | ns/capture | ns/frame |\n", "function");
    printf("| ------------------------- | ----: | -----: | ---------: | -------: |\n");
    if (first == argc) {
        for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
            measure(depths[i], repetitions);
        }
    }
    for (int i = first; i < argc; i++) {
        measure((unsigned) bench_parse(argv[i], 1, DEPTH_MAX, usage), repetitions);
    }
    return 0;
}
