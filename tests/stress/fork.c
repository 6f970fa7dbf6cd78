/* SPDX-License-Identifier: MIT */
/*
 * A program whose threads allocate and free all the time forks again and again. Parent and child
 * both find the main thread's blocks whole, free them, allocate again, and report. The child
 * inherits the counts at the fork. It has no other threads, and neither side may wait for a lock
 * of one of them.
 */
#include "tests/stress/stress.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

enum {
    THREADS = 3,
    FORKS = 200,
    OWN = 2000,   /* blocks of the main thread */
    THEIRS = 300, /* blocks of each other thread */
    ARRAY_LENGTH = 30,
    CHILD_SECONDS = 60,
};

typedef struct {
    uint64_t stamp;
    unsigned char filler[48];
} mine_t;

typedef struct {
    uint64_t stamp;
    unsigned char filler[16];
} theirs_t;

static atomic_bool stop;
static atomic_uint running;
static _Atomic(theirs_t *) exchange[64];

static mine_t *make_mine(unsigned i)
{
    mine_t *mine = i % 10 == 0 ? LMM_NEW_ARRAY(mine_t, ARRAY_LENGTH) : LMM_NEW(mine_t);
    CHECK(mine != NULL && mine->stamp == 0);
    mine->stamp = (uintptr_t) mine;
    memset(mine->filler, 0x5a, sizeof(mine->filler));
    return mine;
}

static void drop_mine(mine_t *mine)
{
    CHECK(mine->stamp == (uintptr_t) mine && mine->filler[47] == 0x5a);
    lmm_free(mine);
}

/* Allocates, frees, and hands some blocks to the other threads. */
static void *run(void *number)
{
    theirs_t *own[THEIRS] = {NULL};
    uint64_t random = 1 + (uintptr_t) number;
    atomic_fetch_add(&running, 1);
    while (!atomic_load(&stop)) {
        uint64_t dice = random_next(&random);
        theirs_t **slot = &own[dice % THEIRS];
        lmm_free(*slot);
        *slot = dice % 11 == 0 ? LMM_NEW_ARRAY(theirs_t, 1 + dice % 60) : LMM_ALLOC(theirs_t);
        CHECK(*slot != NULL);
        (*slot)->stamp = (uintptr_t) *slot;
        if (dice % 7 == 0) {
            theirs_t *got = atomic_exchange(&exchange[dice % 64], *slot);
            *slot = NULL;
            CHECK(got == NULL || got->stamp == (uintptr_t) got);
            lmm_free(got);
        }
    }
    for (unsigned i = 0; i < THEIRS; i++) {
        lmm_free(own[i]);
    }
    return NULL;
}

static int count_block(const struct lmm_block *block, void *arg)
{
    uint64_t *count = arg;
    CHECK(block->address != NULL && block->slots >= 1);
    ++*count;
    return 0;
}

static uint64_t count_blocks(const char *family)
{
    uint64_t count = 0;
    CHECK(lmm_for_each_block(lmm_family_find(family), count_block, &count) == 0);
    return count;
}

/* In the child no other thread exists, so every figure is exact. */
static void check_counts_of_child(void)
{
    CHECK(count_blocks("mine_t") == stress_stats(lmm_family_find("mine_t")).live_blocks);
    CHECK(stress_stats(lmm_family_find("mine_t")).live_blocks == OWN);
    CHECK(stress_stats(lmm_family_find("theirs_t")).live_blocks <= THREADS * (THEIRS + 1) + 64);
}

static void *run_in_child(void *number)
{
    (void) number;
    for (unsigned i = 0; i < 200; i++) {
        drop_mine(make_mine(i));
    }
    return NULL;
}

_Noreturn static void run_child(mine_t **mine)
{
    patience_alarm(CHILD_SECONDS);
    check_counts_of_child();
    for (unsigned i = 0; i < OWN; i++) {
        drop_mine(mine[i]);
        mine[i] = make_mine(i);
    }
    for (unsigned i = 0; i < 64; i++) {
        theirs_t *theirs = atomic_exchange(&exchange[i], NULL);
        CHECK(theirs == NULL || theirs->stamp == (uintptr_t) theirs);
        lmm_free(theirs);
    }
    if (!TSAN) {
        stress_run(2, run_in_child); /* TSan has no threads after such a fork */
    }
    for (unsigned i = 0; i < 5000; i++) {
        lmm_free(LMM_ALLOC(theirs_t));
    }
    lmm_trim();
    check_counts_of_child();
    for (unsigned i = 0; i < OWN; i++) {
        drop_mine(mine[i]);
    }
    CHECK(count_blocks("mine_t") == 0);
    CHECK(stress_stats(lmm_family_find("mine_t")).live_blocks == 0);
    _exit(EXIT_SUCCESS);
}

static void wait_for(pid_t child)
{
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "the child ended with status %#x\n", (unsigned) status);
        abort();
    }
}

int main(void)
{
    static mine_t *mine[OWN];
    pthread_t thread[THREADS];
    uint64_t allocations = 0;
    CHECK(LMM_REGISTER(theirs_t) != NULL);
    for (unsigned i = 0; i < OWN; i++, allocations++) {
        mine[i] = make_mine(i);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, run, (void *) (uintptr_t) i) == 0);
    }
    /* ASan's malloc, which a starting thread calls, does not survive a fork; afterwards the threads
     * call nothing but LMM. */
    while (atomic_load(&running) < THREADS) {
        usleep(100);
    }
    for (unsigned n = 0; n < FORKS; n++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            run_child(mine);
        }
        for (unsigned i = n % 3; i < OWN; i += 3, allocations++) {
            drop_mine(mine[i]);
            mine[i] = make_mine(i);
        }
        wait_for(child);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    for (unsigned i = 0; i < OWN; i++) {
        drop_mine(mine[i]);
    }
    for (unsigned i = 0; i < 64; i++) {
        lmm_free(exchange[i]);
    }
    stress_check_all_freed(lmm_family_find("mine_t"), allocations);
    CHECK(stress_stats(lmm_family_find("theirs_t")).live_blocks == 0);
    return EXIT_SUCCESS;
}
