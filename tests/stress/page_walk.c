/* SPDX-License-Identifier: MIT */
/* page_walk: threads allocate, free each other's blocks, and end, while others walk over the pages. Blocks at rest are
 * counted right in each walk. page_walk [WALKS]. */
#include "lib/books/page_walks.h"
#include "lib/leaks/page_walk.h"
#include "tests/stress/stress.h"

enum { RESTING = 5000, SHARED = 256, THREADS = 3, WALKS = 40, ROUNDS = 2000 };

struct cell {
    char bytes[64];
};

static void *shared[SHARED]; /* atomic: blocks that any thread frees */
static bool is_over;         /* atomic */

static void *make(uint64_t random)
{
    size_t count = random % 8 == 0 ? 2 + random / 8 % 5000 : 1;

    return count == 1 ? (void *) LMM_ALLOC(struct cell)
                      : (void *) LMM_NEW_ARRAY(struct cell, count);
}

/* A life of a thread. */
static void *exchange(void *arg)
{
    uint64_t state = (uintptr_t) arg;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t random = random_next(&state);
        lmm_free(
            __atomic_exchange_n(&shared[random % SHARED], make(random / SHARED), __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static void *live_often(void *arg)
{
    for (uintptr_t life = (uintptr_t) arg; !__atomic_load_n(&is_over, __ATOMIC_RELAXED);
         life += 7) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, exchange, (void *) life) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

static void walk_often(unsigned long walks)
{
    for (unsigned long i = 0; i < walks; i++) {
        CHECK(lmm_page_walk_run(0) == 0);
        struct lmm_ledger_page_walk last = lmm_page_walks_last();
        CHECK(last.live_bytes >= RESTING * sizeof(struct cell));
        CHECK(last.sparse_bytes <= last.held_bytes);
        CHECK(last.returnable_bytes <= last.committed_bytes);
    }
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < RESTING; i++) {
        CHECK(LMM_ALLOC(struct cell) != NULL);
    }
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, live_often, (void *) (i + 1)) == 0);
    }
    walk_often(argc > 1 ? strtoul(argv[1], NULL, 10) : WALKS);
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    for (int i = 0; i < SHARED; i++) {
        lmm_free(shared[i]);
    }
    CHECK(lmm_page_walk_run(0) == 0);
    CHECK(lmm_page_walks_last().live_bytes == RESTING * sizeof(struct cell));
    return 0;
}
