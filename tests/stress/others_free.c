/* SPDX-License-Identifier: MIT */
/* Threads fill memory and then sleep, or end; other threads free it. Their pages go back without
 * their help: while the thread sleeps, by the thread that frees or by lmm_trim(). Then all at once,
 * while the owners go on allocating and freeing. */
#include "tests/stress/stress.h"

#include <semaphore.h>

enum {
    BLOCKS = 131072,
    PAGE_BYTES = 256 << 10,
    UNCOLLECTED_PAGES =
        64, /* LMM_REAP_PAGES, those of LMM_BATCHES, and an eighth of what was left */
    OWNERS = 3,
    FREERS = 2,
    ROUNDS = TSAN ? 30 : 150,
    SHARED = 8192,
};

typedef struct {
    unsigned char bytes[256];
} block_t;

static block_t *blocks[BLOCKS];
static sem_t filled;
static sem_t may_end;

static size_t pages(void)
{
    return stress_stats(lmm_family_find("block_t")).pages;
}

static void *fill(void *sleeps)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = LMM_NEW(block_t);
        CHECK(blocks[i] != NULL);
    }
    sem_post(&filled);
    if (sleeps != NULL) {
        while (sem_wait(&may_end) != 0) {
        }
    }
    return NULL;
}

static void free_all(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        lmm_free(blocks[(i * 7919) % BLOCKS]);
    }
}

static void owner_is_away(bool sleeps)
{
    pthread_t thread;
    const size_t full = BLOCKS / (PAGE_BYTES / sizeof(block_t));
    CHECK(pthread_create(&thread, NULL, fill, sleeps ? &filled : NULL) == 0);
    while (sem_wait(&filled) != 0) {
    }
    if (!sleeps) {
        pthread_join(thread, NULL);
    }
    CHECK(pages() >= full);
    free_all();
    printf("%s: %zu pages were full, %zu are left", sleeps ? "asleep" : "ended", full, pages());
    CHECK(pages() <= UNCOLLECTED_PAGES);
    lmm_trim();
    printf(", %zu after a trim\n", pages());
    CHECK(pages() <= 1); /* the page that the sleeping thread allocates from */
    if (sleeps) {
        sem_post(&may_end);
        pthread_join(thread, NULL);
    }
    lmm_trim();
    CHECK(pages() == 0);
}

/* ---- While the owners work ------------------------------------------------------------------- */

static block_t *shared[SHARED];
static uint64_t allocations;
static bool has_ended;

/* Stores a block in a place, and frees the block that was there, of any thread. */
static void exchange(size_t at, block_t *block)
{
    lmm_free(__atomic_exchange_n(&shared[at], block, __ATOMIC_ACQ_REL));
}

static void *own(void *number)
{
    uint64_t random = 1 + (uintptr_t) number;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < SHARED / 2; i++) {
            block_t *block = LMM_NEW(block_t);
            CHECK(block != NULL);
            exchange(random_next(&random) % SHARED, block);
        }
        __atomic_add_fetch(&allocations, SHARED / 2, __ATOMIC_RELAXED);
        for (size_t i = 0; i < SHARED / 4; i++) {
            exchange(random_next(&random) % SHARED, NULL);
        }
    }
    return NULL;
}

/* Frees all, again and again, so that pages become wholly free. */
static void *free_again_and_again(void *number)
{
    while (!__atomic_load_n(&has_ended, __ATOMIC_RELAXED)) {
        for (size_t i = 0; i < SHARED; i++) {
            exchange(i, NULL);
        }
        if (number == NULL) {
            lmm_trim();
        }
    }
    return NULL;
}

static void owners_work(void)
{
    pthread_t freer[FREERS];
    for (uintptr_t i = 0; i < FREERS; i++) {
        CHECK(pthread_create(&freer[i], NULL, free_again_and_again, (void *) i) == 0);
    }
    stress_run(OWNERS, own);
    __atomic_store_n(&has_ended, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < FREERS; i++) {
        pthread_join(freer[i], NULL);
    }
    for (size_t i = 0; i < SHARED; i++) {
        exchange(i, NULL);
    }
    stress_check_all_freed(lmm_family_find("block_t"), allocations + 2 * (uint64_t) BLOCKS);
    lmm_trim();
    CHECK(pages() == 0);
}

int main(void)
{
    puts("others free:");
    CHECK(sem_init(&filled, 0, 0) == 0 && sem_init(&may_end, 0, 0) == 0);
    owner_is_away(true);
    owner_is_away(false);
    owners_work();
    return EXIT_SUCCESS;
}
