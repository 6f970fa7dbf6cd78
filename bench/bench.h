/* SPDX-License-Identifier: MIT */
/*
 * bench: what all workloads use (the structs that they allocate, random numbers, the write to each
 * new object, the entries of the table of workloads in main.c), and what all programs use
 * (bench.c).
 *
 * A workload keeps its state in static variables of its own file, so that the state does not use
 * the allocator under test. The file is compiled once for each allocator and must not depend on it.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

struct bench_workload {
    const char *name;
    clockid_t clock;            /* what a figure is: processor time, or with threads wall time */
    size_t operations;          /* of one chunk, about 5 ms; each is an alloc and a free */
    size_t live;                /* objects in the live set; 0: there is none */
    void (*setup)(size_t live); /* may be NULL */
    void (*run)(size_t operations);
    void (*teardown)(void); /* may be NULL */
};

/* order.c */
void bench_order_setup(size_t live);
void bench_pair(size_t operations);
void bench_lifo(size_t operations);
void bench_fifo(size_t operations);
void bench_random(size_t operations);

/* churn.c. A set of live objects in which bench_churn_replace() replaces random ones. */
struct bench_set {
    void **slots;
    size_t live;
    uint64_t random;
};

void bench_churn_fill(struct bench_set *set);
void bench_churn_replace(struct bench_set *set, size_t operations);
void bench_churn_empty(struct bench_set *set);

void bench_churn_setup(size_t live);
void bench_churn(size_t operations);
void bench_churn_teardown(void);

/* tree.c */
void bench_tree(size_t operations);

/* array.c */
void bench_array_setup(size_t live);
void bench_array(size_t operations);
void bench_array_teardown(void);

/* blocks.c */
void bench_blocks_medium_pair(size_t operations);
void bench_blocks_medium_setup(size_t live);
void bench_blocks_medium(size_t operations);
void bench_blocks_zeroed_setup(size_t live);
void bench_blocks_zeroed(size_t operations);
void bench_blocks_large_setup(size_t live);
void bench_blocks_large(size_t operations);
void bench_blocks_teardown(void);

/* aligned.c, realloc.c: not typed, for malloc only */
void bench_aligned_setup(size_t live);
void bench_aligned(size_t operations);
void bench_aligned_teardown(void);
void bench_realloc_steps(size_t operations);
void bench_realloc_doubles(size_t operations);
void bench_realloc_setup(size_t live);
void bench_realloc_grow(size_t operations);
void bench_realloc_sizes(size_t operations);
void bench_realloc_teardown(void);

/* threads.c. The live set of own_sets and idle is the number of threads. */
void bench_prodcons_setup(size_t live);
void bench_prodcons_read_setup(size_t live);
void bench_prodcons_read(size_t operations);
void bench_own_sets_setup(size_t threads);
void bench_idle_setup(size_t threads);
void bench_idle(size_t operations);
void bench_sets_teardown(void);

/* exchange.c */
void bench_larson_setup(size_t live);
void bench_larson(size_t operations);
void bench_handover_setup(size_t live);
void bench_handover_teardown(void);
void bench_exchange_teardown(void);

/* memory.c. The sizes end with 0. Returns the growth of the resident set per object, in bytes. */
extern const size_t bench_memory_sizes[];
double bench_memory(size_t size_bytes);

/* bench.c: for all the programs. */

/* Ends the program with exit code 1 and a line on stderr. */
__attribute__((noreturn)) void bench_fail(const char *what);

/* The time of the clock, in nanoseconds. */
double bench_now_ns(clockid_t clock);

/* Sorts the figures, ascending. */
void bench_sort(double *figures, size_t count);

/* The number of an argument, from min to max; else bench_fail(usage). */
size_t bench_parse(const char *text, size_t min, size_t max, const char *usage);

/* The next random number after *state, which is not 0 (xorshift64; Marsaglia, 2003). */
static inline uint64_t bench_random_next(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x;
}

/* A number below limit (at most 2^32), from 32 random bits. */
static inline size_t bench_below(uint32_t random, uint64_t limit)
{
    return (size_t) (random * limit >> 32);
}

/*
 * Does what a program does with a new object: checks for NULL and writes the first word. The
 * assembly makes the object escape; without it the compiler would remove the store, or alloc and
 * free as well. p: at least 8 bytes. Returns p.
 */
static inline void *bench_touch(void *p, uint64_t value)
{
    if (__builtin_expect(p == NULL, 0)) {
        bench_fail("out of memory");
    }
    memcpy(p, &value, sizeof(value));
    __asm__ volatile("" : : "r"(p) : "memory");
    return p;
}

/* Writes a byte of each page of the block between two offsets, the first page excepted. */
static inline void bench_touch_pages(void *block, size_t from_bytes, size_t to_bytes)
{
    const size_t page_bytes = 4096;
    char *bytes = block;

    for (size_t i = from_bytes / page_bytes + 1; i * page_bytes < to_bytes; i++) {
        bytes[i * page_bytes] = 1;
    }
}

/* The families. A size that is not a multiple of 8 needs members of another size. */
struct bench_16 {
    uint64_t word[2];
};
struct bench_24 {
    uint64_t word[3];
};
struct bench_36 {
    uint32_t word[9];
};
struct bench_40 {
    uint64_t word[5];
};
struct bench_56 {
    uint64_t word[7];
};
struct bench_72 {
    uint64_t word[9];
};
struct bench_100 {
    uint32_t word[25];
};
struct bench_136 {
    uint64_t word[17];
};
struct bench_200 {
    uint64_t word[25];
};

#endif
