/* SPDX-License-Identifier: MIT */
/*
 * memory: resident memory per live object, including the allocator's own records: the growth of the
 * process's resident set while a million objects of one family are allocated. The array of pointers
 * is touched before, so it is not included.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "bench.h"

enum {
    OBJECTS = 1000000,
    ROLLUP_BYTES = 4096,
};

static void *objects[OBJECTS];

const size_t bench_memory_sizes[] = {16, 24, 36, 40, 56, 72, 100, 200, 0};

/* smaps_rollup walks the page tables, so it is exact; statm may miss some pages per thread. Read
 * without stdio, whose buffers would come from the allocator under test. */
static size_t resident_bytes(void)
{
    static char text[ROLLUP_BYTES];
    int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof(text) - 1);

    if (length <= 0) {
        bench_fail("cannot read /proc/self/smaps_rollup");
    }
    close(file);
    text[length] = '\0';
    const char *rss = strstr(text, "\nRss:");

    if (rss == NULL) {
        bench_fail("no Rss: in /proc/self/smaps_rollup");
    }
    return (size_t) strtoul(rss + strlen("\nRss:"), NULL, 10) * 1024;
}

#define ALLOCATE_ALL(T)                                                                            \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < OBJECTS; i_++) {                                                  \
            objects[i_] = bench_touch(BENCH_ALLOC(T), i_);                                         \
        }                                                                                          \
    } while (0)

static void allocate_all(size_t size_bytes)
{
    switch (size_bytes) {
    case 16: ALLOCATE_ALL(struct bench_16); break;
    case 24: ALLOCATE_ALL(struct bench_24); break;
    case 36: ALLOCATE_ALL(struct bench_36); break;
    case 40: ALLOCATE_ALL(struct bench_40); break;
    case 56: ALLOCATE_ALL(struct bench_56); break;
    case 72: ALLOCATE_ALL(struct bench_72); break;
    case 100: ALLOCATE_ALL(struct bench_100); break;
    case 200: ALLOCATE_ALL(struct bench_200); break;
    default: bench_fail("no family of this size");
    }
}

double bench_memory(size_t size_bytes)
{
    /* Not with zeroes: the compiler knows that the array already is zero. */
    memset(objects, 0xff, sizeof(objects));
    __asm__ volatile("" : : "r"(objects) : "memory");
    (void) resident_bytes(); /* touches the pages that reading needs */
    size_t before_bytes = resident_bytes();

    allocate_all(size_bytes);
    size_t after_bytes = resident_bytes();

    for (size_t i = 0; i < OBJECTS; i++) {
        BENCH_FREE(objects[i]);
    }
    return ((double) after_bytes - (double) before_bytes) / OBJECTS;
}
