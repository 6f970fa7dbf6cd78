/* SPDX-License-Identifier: MIT */
/* stress: what the stress programs share: a check that ends the program and prints its line, random
 * numbers, threads that start together, and figures of a family. */
#ifndef TESTS_STRESS_STRESS_H
#define TESTS_STRESS_STRESS_H

#include <lmm/lmm.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/patience.h"
#include "tests/support/random.h"
#include "tests/support/resident.h"
#include "tests/support/sanitizers.h"

enum { STRESS_SKIPPED = 77, STRESS_THREADS_MAX = 64 };

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Runs `run` in count threads, each with its number cast to a pointer, and waits for all. */
static inline void stress_run(unsigned count, void *(*run)(void *number))
{
    pthread_t thread[STRESS_THREADS_MAX];
    CHECK(count <= STRESS_THREADS_MAX);
    for (unsigned i = 0; i < count; i++) {
        CHECK(pthread_create(&thread[i], NULL, run, (void *) (uintptr_t) i) == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
}

static inline struct lmm_stats stress_stats(struct lmm_family *family)
{
    struct lmm_stats stats;
    CHECK(family != NULL);
    CHECK(lmm_family_stats(family, &stats) == 0);
    return stats;
}

/* Checks that all blocks of family are free again, and that there were `allocations`. */
static inline void stress_check_all_freed(struct lmm_family *family, uint64_t allocations)
{
    struct lmm_stats stats = stress_stats(family);
    if (stats.allocations != allocations || stats.frees != allocations || stats.live_blocks != 0 ||
        stats.live_slots != 0) {
        fprintf(stderr,
                "%s: %" PRIu64 " allocated, %" PRIu64 " freed, %" PRIu64 " live (%" PRIu64
                " slots); %" PRIu64 " should have been allocated and freed\n",
                stats.name, stats.allocations, stats.frees, stats.live_blocks, stats.live_slots,
                allocations);
        abort();
    }
}

#endif
