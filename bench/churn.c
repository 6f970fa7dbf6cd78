/* SPDX-License-Identifier: MIT */
/*
 * churn: a live set of objects of eight families; an operation frees a random one and allocates
 * another in its place.
 *
 * The families take turns, each at its own call site, as in a program; so the family is known at
 * compile time. If it were random, a mispredicted branch in each operation would cost more than any
 * allocator here and hide the difference. The freed object is of a random family anyway.
 */
#include "alloc.h"
#include "bench.h"

enum {
    FAMILIES = 8,
    LIVE_MAX = 1500000,
};

static void *slots[LIVE_MAX];
static struct bench_set whole;

static inline void **any_slot(const struct bench_set *set, uint64_t *random)
{
    return &set->slots[bench_below((uint32_t) (bench_random_next(random) >> 32), set->live)];
}

#define REPLACE(T, slot, value)                                                                    \
    do {                                                                                           \
        void **slot_ = (slot);                                                                     \
                                                                                                   \
        BENCH_FREE(*slot_);                                                                        \
        *slot_ = bench_touch(BENCH_ALLOC(T), (value));                                             \
    } while (0)

void bench_churn_replace(struct bench_set *set, size_t operations)
{
    uint64_t random = set->random;

    for (size_t i = 0; i < operations; i += FAMILIES) {
        REPLACE(struct bench_16, any_slot(set, &random), i);
        REPLACE(struct bench_24, any_slot(set, &random), i);
        REPLACE(struct bench_40, any_slot(set, &random), i);
        REPLACE(struct bench_56, any_slot(set, &random), i);
        REPLACE(struct bench_72, any_slot(set, &random), i);
        REPLACE(struct bench_100, any_slot(set, &random), i);
        REPLACE(struct bench_136, any_slot(set, &random), i);
        REPLACE(struct bench_200, any_slot(set, &random), i);
    }
    set->random = random;
}

void bench_churn_fill(struct bench_set *set)
{
    for (size_t i = 0; i < set->live; i += FAMILIES) {
        REPLACE(struct bench_16, &set->slots[i], i);
        REPLACE(struct bench_24, &set->slots[i + 1], i);
        REPLACE(struct bench_40, &set->slots[i + 2], i);
        REPLACE(struct bench_56, &set->slots[i + 3], i);
        REPLACE(struct bench_72, &set->slots[i + 4], i);
        REPLACE(struct bench_100, &set->slots[i + 5], i);
        REPLACE(struct bench_136, &set->slots[i + 6], i);
        REPLACE(struct bench_200, &set->slots[i + 7], i);
    }
}

void bench_churn_empty(struct bench_set *set)
{
    for (size_t i = 0; i < set->live; i++) {
        BENCH_FREE(set->slots[i]);
        set->slots[i] = NULL;
    }
}

void bench_churn_setup(size_t live)
{
    whole = (struct bench_set) {.slots = slots, .live = live, .random = 0x2545f4914f6cdd1du};
    bench_churn_fill(&whole);
    /* As in a program that has run for long, neighbours in the array are far apart in memory. */
    bench_churn_replace(&whole, 2 * live);
}

void bench_churn(size_t operations)
{
    bench_churn_replace(&whole, operations);
}

void bench_churn_teardown(void)
{
    bench_churn_empty(&whole);
}
