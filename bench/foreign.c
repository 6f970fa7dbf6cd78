/* SPDX-License-Identifier: MIT */
/*
 * bench-foreign: what a free costs of a block that libc's own malloc made, through the drop-in, which is preloaded
 * (without it: libc's own cost), while 100,000 such blocks and as many free ones lie in libc's heap.
 *
 * Prints ns for a malloc by libc and a free by the name `free`, the median of the rounds, and for one by libc alone.
 */
#include "bench.h"

#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <stdio.h>
#include <stdlib.h>

enum { OLD = 100000, ROUNDS = 101, BLOCKS = 1000, BYTES = 48, LARGE_BYTES = 2000 };

static void *(*libc_malloc)(size_t bytes);
static void (*libc_free)(void *p);

static void *find(void *libc, const char *name)
{
    void *function = dlsym(libc, name);

    if (function == NULL) {
        bench_fail("libc has no malloc");
    }
    return function;
}

/* Leaves OLD blocks and OLD free ones between them, too large for libc to keep apart from its lists. */
static void age(void)
{
    static void *between[OLD];

    for (size_t i = 0; i < OLD; i++) {
        between[i] = libc_malloc(LARGE_BYTES);
        if (between[i] == NULL || libc_malloc(BYTES) == NULL) {
            bench_fail("no memory");
        }
    }
    for (size_t i = 0; i < OLD; i++) {
        libc_free(between[i]);
    }
}

static double median(void (*release)(void *p))
{
    static double times[ROUNDS];
    void *blocks[BLOCKS];

    for (size_t round = 0; round < ROUNDS; round++) {
        double begun = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
        for (size_t i = 0; i < BLOCKS; i++) {
            blocks[i] = libc_malloc(BYTES);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            release(blocks[i]);
        }
        times[round] = (bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - begun) / BLOCKS;
    }
    bench_sort(times, ROUNDS);
    return times[ROUNDS / 2];
}

int main(void)
{
    void *libc = dlopen(LIBC_SO, RTLD_LAZY | RTLD_NOLOAD);

    if (libc == NULL) {
        bench_fail("no libc");
    }
    *(void **) &libc_malloc = find(libc, "malloc");
    *(void **) &libc_free = find(libc, "free");
    age();
    printf("free %.1f, libc alone %.1f\n", median(free), median(libc_free));
    return 0;
}
