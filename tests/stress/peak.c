/* SPDX-License-Identifier: MIT */
/* The high-water mark is never above what lived: threads that hold one block each at most, while
 * the mark is taken all the time, by themselves and by others. */
#include "tests/stress/stress.h"

enum { THREADS = 8, PAIRS = TSAN || ASAN ? 100000 : 2000000, LOOK_EVERY = 20 };

typedef struct {
    uint64_t stamp[6];
} single_t;

static void *run(void *number)
{
    (void) number;
    for (unsigned i = 0; i < PAIRS; i++) {
        single_t *single = i % 2 == 0 ? LMM_ALLOC(single_t) : LMM_NEW(single_t);
        CHECK(single != NULL);
        lmm_free(single);
        if (i % LOOK_EVERY == 0) {
            stress_stats(lmm_family_find("single_t"));
        }
    }
    return NULL;
}

int main(void)
{
    CHECK(LMM_REGISTER(single_t) != NULL);
    stress_run(THREADS, run);
    struct lmm_stats stats = stress_stats(lmm_family_find("single_t"));
    CHECK(stats.live_blocks == 0);
    CHECK(stats.peak_bytes <= THREADS * sizeof(single_t));
    return EXIT_SUCCESS;
}
