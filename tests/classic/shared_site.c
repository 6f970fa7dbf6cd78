/* SPDX-License-Identifier: MIT */
/* Several threads use new call sites of XCALLOC at the same time: each place must become one site,
 * and every block must be counted there. */
#include "uapi_mm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stress/stress.h"

enum {
    THREADS = 8,
    ROUNDS = 500,
    PLACES = 4,
};

typedef struct emp_ {
    char name[32];
    uint32_t emp_id;
} emp_t;

static pthread_barrier_t barrier;

static emp_t *hire(int place, size_t units)
{
    switch (place) {
    case 0: return XCALLOC(units, emp_t);
    case 1: return XCALLOC(units, emp_t);
    case 2: return XCALLOC(units, emp_t);
    default: return XCALLOC(units, emp_t);
    }
}

/* Leaves one live block of each place. */
static void *hire_and_dismiss(void *arg)
{
    (void) arg;
    for (int place = 0; place < PLACES; place++) {
        pthread_barrier_wait(&barrier);
        for (size_t i = 0; i < ROUNDS; i++) {
            emp_t *emps = hire(place, 1 + i % 3);
            CHECK(emps != NULL && emps[i % 3].emp_id == 0);
            xfree(emps);
        }
        CHECK(hire(place, 1) != NULL);
    }
    return NULL;
}

struct places {
    uint32_t line[PLACES];
    size_t blocks[PLACES];
};

static int count_block(const struct lmm_block *block, void *arg)
{
    struct places *places = arg;
    int i = 0;

    CHECK(strcmp(block->function, "hire") == 0);
    while (places->line[i] != block->line && places->line[i] != 0) {
        i++;
        CHECK(i < PLACES);
    }
    places->line[i] = block->line;
    places->blocks[i]++;
    return 0;
}

int main(void)
{
    pthread_t threads[THREADS];
    struct places places = {{0}, {0}};
    struct lmm_stats stats;

    MM_REG_STRUCT(emp_t);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, hire_and_dismiss, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    pthread_barrier_destroy(&barrier);
    lmm_for_each_block(lmm_family_find("emp_t"), count_block, &places);
    for (int i = 0; i < PLACES; i++) {
        CHECK(places.blocks[i] == THREADS);
    }
    CHECK(lmm_family_stats(lmm_family_find("emp_t"), &stats) == 0);
    CHECK(stats.allocations == THREADS * PLACES * (ROUNDS + 1));
    CHECK(stats.live_blocks == THREADS * PLACES);
    return 0;
}
