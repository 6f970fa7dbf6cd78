/* SPDX-License-Identifier: MIT */
/* Threads register the same families and use the same call sites for the first time, all at once:
 * each gets the same family, and every allocation is counted. */
#include "tests/stress/stress.h"

enum {
    THREADS = 6,
    FAMILIES = 500,
    ROUNDS = 20,
};

typedef struct {
    uint64_t value;
} fresh_t;

static struct lmm_family *seen[THREADS][FAMILIES];
static fresh_t *blocks[THREADS];
static pthread_barrier_t together;
static unsigned round_number;

static int count_block(const struct lmm_block *block, void *arg)
{
    uint64_t *lines = arg;
    CHECK(*lines == 0 || *lines == block->line);
    *lines = block->line;
    return 0;
}

static void *run(void *arg)
{
    uintptr_t number = (uintptr_t) arg;
    pthread_barrier_wait(&together);
    blocks[number] = LMM_NEW(fresh_t);
    CHECK(blocks[number] != NULL);
    for (unsigned i = 0; i < FAMILIES; i++) {
        char name[64];
        snprintf(name, sizeof(name), "family %u of round %u", i, round_number);
        seen[number][i] = lmm_family_register(name, 8 + i, 1);
        CHECK(seen[number][i] != NULL);
        lmm_free(lmm_alloc(seen[number][i]));
    }
    return NULL;
}

static void check_round(void)
{
    for (unsigned i = 0; i < FAMILIES; i++) {
        for (unsigned t = 1; t < THREADS; t++) {
            CHECK(seen[t][i] == seen[0][i]);
        }
        for (unsigned other = 0; other < i; other++) {
            CHECK(seen[0][i] != seen[0][other]);
        }
        stress_check_all_freed(seen[0][i], THREADS);
    }
}

int main(void)
{
    pthread_barrier_init(&together, NULL, THREADS);
    for (round_number = 0; round_number < ROUNDS; round_number++) {
        stress_run(THREADS, run);
        check_round();
        uint64_t line = 0;
        CHECK(lmm_for_each_block(lmm_family_find("fresh_t"), count_block, &line) == 0);
        CHECK(stress_stats(lmm_family_find("fresh_t")).live_blocks == THREADS);
        for (unsigned t = 0; t < THREADS; t++) {
            lmm_free(blocks[t]);
        }
    }
    stress_check_all_freed(lmm_family_find("fresh_t"), (uint64_t) THREADS * ROUNDS);
    return EXIT_SUCCESS;
}
