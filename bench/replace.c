/* SPDX-License-Identifier: MIT */
/*
 * bench-replace [OPERATIONS]: a whole program that mostly allocates. It keeps 100,000 blocks of
 * mixed sizes alive and replaces random ones, by default 20 million times, with malloc and free, or
 * a library that is preloaded in their place.
 *
 * The blocks are allocated as in a layered program: a service calls one of its steps, which calls
 * one of several constructors, which calls the only function that calls malloc. So there are
 * SERVICES x STEPS x CONSTRUCTORS call stacks, six frames deep in this program, and the address of
 * malloc's caller does not distinguish them. They take turns: if they were random, mispredicted
 * branches would hide the cost of the allocator.
 */
#include <stdlib.h>

#include "bench.h"

enum { LIVE = 100000, OPERATIONS = 20000000, OPERATIONS_MAX = 1000000000 };

/*
 * Keeps each layer a frame: it is not inlined, and it ends with a line of assembly that does
 * nothing. So its last call is not a jump, and no two layers have the same code, which would be
 * merged.
 */
#define LAYER          static __attribute__((noinline)) void
#define RETURNED(name) __asm__ volatile("# " name : : : "memory")

static void *slots[LIVE];
static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* base to 2 x base bytes; one in sixteen is sixteen times as large. */
static size_t random_size(uint64_t random, size_t base)
{
    size_t size_bytes = base + bench_below((uint32_t) random, base + 1);

    return (random >> 32 & 15u) == 0 ? 16 * size_bytes : size_bytes;
}

LAYER replace(size_t base)
{
    uint64_t random = bench_random_next(&random_state);
    void **slot = &slots[bench_below((uint32_t) random, LIVE)];

    free(*slot);
    *slot = bench_touch(malloc(random_size(bench_random_next(&random_state), base)), random);
    RETURNED("replace");
}

#define CONSTRUCTORS(X) X(node, 16) X(name, 24) X(record, 48) X(buffer, 100)
#define STEPS(X)        X(parse) X(check) X(store) X(reply)
#define SERVICES(X)     X(login) X(query) X(update) X(upload)

#define DEFINE_CONSTRUCTOR(name, base)                                                             \
    LAYER new_##name(void)                                                                         \
    {                                                                                              \
        replace(base);                                                                             \
        RETURNED(#name);                                                                           \
    }
#define CALL_CONSTRUCTOR(name, base) new_##name();

#define DEFINE_STEP(name)                                                                          \
    LAYER step_##name(void)                                                                        \
    {                                                                                              \
        CONSTRUCTORS(CALL_CONSTRUCTOR)                                                             \
        RETURNED(#name);                                                                           \
    }
#define CALL_STEP(name) step_##name();

#define DEFINE_SERVICE(name)                                                                       \
    LAYER serve_##name(void)                                                                       \
    {                                                                                              \
        STEPS(CALL_STEP)                                                                           \
        RETURNED(#name);                                                                           \
    }
#define CALL_SERVICE(name) serve_##name();

#define COUNT_CONSTRUCTOR(name, base) +1
#define COUNT_ONE(name)               +1

enum {
    ROUND = (0 CONSTRUCTORS(COUNT_CONSTRUCTOR)) * (0 STEPS(COUNT_ONE)) * (0 SERVICES(COUNT_ONE)),
};

CONSTRUCTORS(DEFINE_CONSTRUCTOR)
STEPS(DEFINE_STEP)
SERVICES(DEFINE_SERVICE)

LAYER serve_all(size_t operations)
{
    for (size_t i = 0; i < operations; i += ROUND) {
        SERVICES(CALL_SERVICE)
    }
    RETURNED("serve_all");
}

int main(int argc, char **argv)
{
    const char *usage = "usage: bench-replace [OPERATIONS]";

    if (argc > 2) {
        bench_fail(usage);
    }
    size_t operations = argc == 2 ? bench_parse(argv[1], 0, OPERATIONS_MAX, usage) : OPERATIONS;
    serve_all(operations);
    for (size_t i = 0; i < LIVE; i++) {
        free(slots[i]);
    }
    return 0;
}
