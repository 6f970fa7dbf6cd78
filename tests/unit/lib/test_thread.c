/* SPDX-License-Identifier: MIT */
/* thread and repair: starting, heaps of threads that end, threads without a heap, the books after a
 * fork. */
#include "tests/support/seam.h"

#include "lib/pages/family.h"
#include "lib/heaps/cache.h"
#include "lib/heaps/repair.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct lmm_family *family;

enum { SIZE = 48, MANY = 6000 };

static void start(void)
{
    family = lmm_family_register("f", SIZE, 8);
    cr_assert(family != NULL);
}

static void run(void *(*routine)(void *arg), void *arg)
{
    pthread_t thread;

    cr_assert(pthread_create(&thread, NULL, routine, arg) == 0);
    cr_assert(pthread_join(thread, NULL) == 0);
}

static void count_heap(struct lmm_heap *heap, void *arg)
{
    struct {
        int heaps;
        int parked;
        int late;
    } *count = arg;

    count->heaps++;
    count->parked += heap->is_parked;
    count->late += heap->is_shared;
    lmm_lock_acquire(heap->lock);
    cr_assert(lmm_heap_is_valid(heap));
    lmm_lock_release(heap->lock);
}

static void assert_heaps(int heaps, int parked)
{
    int count[3] = {0};

    lmm_thread_for_each_heap(count_heap, count);
    cr_expect(count[0] == heaps && count[1] == parked && count[2] == 1,
              "%d heaps, %d parked, %d late", count[0], count[1], count[2]);
}

static void assert_live(uint64_t blocks)
{
    struct lmm_stats stats;

    cr_assert(lmm_family_stats(family, &stats) == 0);
    cr_expect(stats.live_blocks == blocks, "%d live, not %d", (int) stats.live_blocks,
              (int) blocks);
}

Test(thread, start_fails_and_is_tried_again)
{
    cr_expect(!lmm_has_started());
    seam_install();
    uint64_t failing = 1;
    for (;; failing++) {
        seam_fail(SEAM_MAP, seam_calls(SEAM_MAP) + 1, SEAM_FOR_EVER);
        errno = 0;
        cr_assert(!lmm_start() && errno == ENOMEM && !lmm_has_started());
        seam_fail(SEAM_MAP, seam_calls(SEAM_MAP) + failing + 1, SEAM_FOR_EVER);
        if (lmm_start()) {
            break;
        }
        cr_assert(failing < 50);
    }
    cr_expect(failing > 1 && lmm_has_started());
    seam_heal();
    start();
    cr_expect(lmm_alloc(family) != NULL);
    assert_live(1);
}

static void *blocks[MANY];

static void *allocate_all(void *arg)
{
    for (int i = 0; i < MANY; i++) {
        blocks[i] = lmm_alloc(family);
        memset(blocks[i], i % 251, SIZE);
    }
    return arg;
}

static void *free_all(void *arg)
{
    for (int i = 0; i < MANY; i++) {
        const unsigned char *byte = blocks[i];
        cr_assert(byte[0] == i % 251 && byte[SIZE - 1] == i % 251);
        lmm_free(blocks[i]);
    }
    return arg;
}

/* I2: threads one after another share one heap; their blocks and counts stay. */
Test(thread, heaps_are_handed_on, .init = start)
{
    assert_heaps(1, 0);
    run(allocate_all, NULL);
    assert_heaps(2, 1);
    assert_live(MANY);
    run(free_all, NULL);
    assert_heaps(2, 1);
    assert_live(0);
    for (int i = 0; i < 50; i++) {
        run(allocate_all, NULL);
        run(free_all, NULL);
    }
    assert_heaps(2, 1);
    assert_live(0);
    lmm_free(lmm_alloc(family));
    assert_heaps(2, 0);
    cr_expect(family->record->pages <= 1);
}

/* A key whose destructor runs after LMM's, since it was created later. */
static pthread_key_t later_key;
static bool had_heap;

static void use_heap(void *block)
{
    const struct lmm_heap *heap = lmm_thread_open.heap;

    lmm_free(block);
    lmm_free(lmm_alloc(family));
    had_heap = heap != NULL && !heap->is_shared && heap == lmm_thread_open.heap;
}

static void *leave_a_block(void *arg)
{
    (void) arg;
    cr_assert(pthread_setspecific(later_key, lmm_alloc(family)) == 0);
    return NULL;
}

/* The destructors of other keys work on the thread's own heap. */
Test(thread, heap_in_destructors, .init = start)
{
    cr_assert(pthread_key_create(&later_key, use_heap) == 0);
    run(leave_a_block, NULL);
    cr_expect(had_heap);
    assert_live(0);
    assert_heaps(2, 1);
}

/* A heap gives its rows up when its thread ends, and the next thread counts on in them. */
static void count_pages(struct lmm_heap *heap, void *arg)
{
    *(uint64_t *) arg += heap->is_parked && heap->row_pages != NULL;
}

static size_t row_pages(void)
{
    size_t count = 0;

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        count += view.chunks[i]->kind == LMM_LEDGER_ROWS ? view.chunks[i]->used : 0;
    }
    lmm_lock_release(&lmm_chunks_lock);
    return count;
}

Test(thread, rows_pass_to_the_next_thread, .init = start)
{
    size_t before = row_pages();

    for (uint64_t threads = 1; threads < 4; threads++) {
        uint64_t kept = 0;
        run(allocate_all, NULL);
        lmm_thread_for_each_heap(count_pages, &kept);
        cr_expect(kept == 0 && row_pages() == before + 1);
        cr_expect(lmm_family_sum(family).allocated_blocks == threads * MANY);
        run(free_all, NULL);
    }
    assert_live(0);
}

static void *leave_runs_cached(void *arg)
{
    for (size_t n = 2; n < 20; n++) {
        lmm_free(lmm_calloc(family, n));
    }
    return arg;
}

static void *leave_many_cached(void *arg)
{
    void *many[LMM_FAMILY_CACHE_BYTES / LMM_RUN_BYTES_MAX];

    for (size_t i = 0; i < LMM_PARKED_BYTES / LMM_FAMILY_CACHE_BYTES + 1; i++) {
        char name[32];
        snprintf(name, sizeof(name), "family %zu", i);
        struct lmm_family *other = lmm_family_register(name, LMM_RUN_BYTES_MAX, 1);
        for (size_t j = 0; j < sizeof(many) / sizeof(many[0]); j++) {
            many[j] = lmm_calloc(other, 1);
        }
        for (size_t j = 0; j < sizeof(many) / sizeof(many[0]); j++) {
            lmm_free(many[j]);
        }
    }
    return arg;
}

static void *take_a_run(void *arg)
{
    lmm_free(lmm_calloc(arg, 3));
    return arg;
}

/* A heap keeps its runs when its thread ends, until somebody trims. */
Test(thread, caches_stay_while_parked, .init = start)
{
    run(leave_runs_cached, NULL);
    cr_expect(family->record->pages == 1);
    uint32_t reserved = family->runs.holes.reserved;
    run(take_a_run, family);
    cr_expect(family->runs.holes.reserved == reserved, "the next thread uses them");
    lmm_trim();
    cr_expect(family->record->pages == 0 && family->runs.holes.reserved == 0);
}

/* What parked heaps keep in all is bounded. */
Test(thread, caches_are_flushed_at_last, .init = start)
{
    run(leave_many_cached, NULL);
    cr_expect(lmm_family_find("family 0")->record->pages == 0);
    run(leave_runs_cached, NULL);
    cr_expect(family->record->pages == 1);
}

static void ignore(struct lmm_family *limited, uint64_t live_bytes, void *arg)
{
    (void) limited;
    (void) live_bytes;
    (void) arg;
}

/* A heap that is adopted has no runs that would escape a limit. */
Test(thread, limits_close_parked_caches, .init = start)
{
    run(leave_runs_cached, NULL);
    cr_assert(lmm_family_limit(family, 1, 0, ignore, NULL) == 0);
    run(take_a_run, lmm_family_register("other", 16, 1));
    cr_expect(family->record->pages == 0 && family->runs.holes.reserved == 0);
}

static struct {
    sem_t ready;
    sem_t go;
} meeting;

static void *meet(void *arg)
{
    void *block = lmm_alloc(family);
    sem_post(&meeting.ready);
    sem_wait(&meeting.go);
    lmm_free(block);
    return arg;
}

Test(thread, as_many_heaps_as_threads_at_once, .init = start)
{
    enum { THREADS = 20 };
    pthread_t thread[THREADS];

    sem_init(&meeting.ready, 0, 0);
    sem_init(&meeting.go, 0, 0);
    lmm_thread_shared_calls = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < THREADS; i++) {
            cr_assert(pthread_create(&thread[i], NULL, meet, NULL) == 0);
            sem_wait(&meeting.ready);
        }
        assert_heaps(1 + THREADS, 0);
        assert_live(THREADS);
        for (int i = 0; i < THREADS; i++) {
            sem_post(&meeting.go);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(thread[i], NULL);
        }
        assert_heaps(1 + THREADS, THREADS);
        assert_live(0);
    }
}

/* A thread's first calls need no heap of its own; its blocks stay good when it has got one. */
static void *call_a_few_times(void *arg)
{
    const unsigned *calls = arg;
    unsigned count = *calls / 2;

    for (unsigned i = 0; i < count; i++) {
        cr_assert(lmm_thread_open.heap == NULL);
        blocks[i] = lmm_alloc(family);
        memset(blocks[i], (int) i, SIZE);
    }
    for (unsigned i = 0; i < count; i++) {
        cr_assert(*(const unsigned char *) blocks[i] == (unsigned char) i);
        if (i % 2 == 0) {
            cr_assert(lmm_thread_open.heap == NULL);
            lmm_free(blocks[i]);
        }
    }
    return arg;
}

static void *call_often(void *arg)
{
    call_a_few_times(arg);
    for (int i = 0; i < MANY; i++) {
        lmm_free(lmm_alloc(family));
    }
    cr_expect(lmm_thread_open.heap != NULL);
    for (unsigned i = 1; i < *(const unsigned *) arg / 2; i += 2) {
        lmm_free(blocks[i]); /* of the shared heap's page */
    }
    return arg;
}

Test(thread, first_calls_share_a_heap, .init = start)
{
    lmm_free(lmm_alloc(family));
    run(call_a_few_times, &lmm_thread_shared_calls);
    assert_heaps(2, 0);
    assert_live(LMM_THREAD_SHARED_CALLS / 4);
    for (int i = 1; i < LMM_THREAD_SHARED_CALLS / 2; i += 2) {
        lmm_free(blocks[i]);
    }
    assert_live(0);
    run(call_often, &lmm_thread_shared_calls);
    assert_heaps(3, 1);
    assert_live(0);
    lmm_thread_tidy();
    cr_expect(family->record->pages <= 1, "%d pages", (int) family->record->pages);
}

/* Threads that see the one parked heap at the same time: one gets it, the others can wait. */
Test(thread, a_parked_heap_is_one_threads, .init = start)
{
    enum { THREADS = 8, SEEN_US = 50000 };
    pthread_t thread[THREADS];

    sem_init(&meeting.ready, 0, 0);
    sem_init(&meeting.go, 0, 0);
    lmm_free(lmm_alloc(family));
    run(call_often, &lmm_thread_shared_calls);
    assert_heaps(3, 1);
    lmm_lock_acquire(&lmm_heaps_lock);
    for (int i = 0; i < THREADS; i++) {
        cr_assert(pthread_create(&thread[i], NULL, meet, NULL) == 0);
    }
    usleep(SEEN_US); /* they wait for the lock, having seen that a heap is parked */
    lmm_lock_release(&lmm_heaps_lock);
    for (int i = 0; i < THREADS; i++) {
        sem_wait(&meeting.ready);
    }
    assert_heaps(3, 0);
    assert_live(THREADS);
    for (int i = 0; i < THREADS; i++) {
        sem_post(&meeting.go);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    assert_heaps(3, 1);
    assert_live(0);
}

/* A thread for which there is no heap works on the shared heap, and says so when there is nothing. */
static void *work_without_a_heap(void *arg)
{
    errno = EXDEV;
    lmm_free(blocks[0]);
    cr_expect(errno == EXDEV && lmm_thread_open.heap == NULL);
    errno = 0;
    cr_expect(lmm_alloc(family) == NULL && errno == ENOMEM);
    seam_heal();
    cr_expect(lmm_alloc(family) != NULL && lmm_thread_open.heap != NULL);
    return arg;
}

Test(thread, no_memory_for_a_heap, .init = start)
{
    lmm_thread_shared_calls = 0;
    allocate_all(NULL);
    seam_starve();
    run(work_without_a_heap, NULL);
    assert_live(MANY);
    cr_expect(lmm_alloc(family) != NULL);
    assert_heaps(3, 1);
}

/* ---- fork ------------------------------------------------------------------------------------ */

static void *free_half_and_meet(void *arg)
{
    for (int i = 0; i < MANY; i += 2) {
        lmm_free(blocks[i]);
    }
    void *run_of_five = lmm_calloc(family, 5);
    lmm_free(lmm_calloc(family, 7));
    sem_post(&meeting.ready);
    sem_wait(&meeting.go);
    lmm_free(run_of_five);
    return arg;
}

static int child_of_fork(void)
{
    struct lmm_stats stats;

    if (lmm_family_stats(family, &stats) != 0 || stats.live_blocks != MANY / 2 + 1 ||
        stats.live_slots != MANY / 2 + 5) {
        return 1;
    }
    if (lmm_chunks_header()->pid != (uint32_t) getpid()) {
        return 2;
    }
    for (int i = 1; i < MANY; i += 2) {
        const unsigned char *byte = blocks[i];
        if (byte[0] != i % 251 || byte[SIZE - 1] != i % 251) {
            return 3;
        }
        lmm_free(blocks[i]);
    }
    if (lmm_family_stats(family, &stats) != 0 || stats.live_blocks != 1 || stats.live_slots != 5) {
        return 4;
    }
    for (int i = 0; i < MANY; i++) {
        if (lmm_alloc(family) == NULL) {
            return 5;
        }
    }
    return 0;
}

/* The other thread is at rest with frees in batches and a run in its cache, which the child has
 * to put together again. */
Test(thread, fork_with_another_thread, .init = start)
{
    pthread_t thread;
    int status;

    sem_init(&meeting.ready, 0, 0);
    sem_init(&meeting.go, 0, 0);
    allocate_all(NULL);
    cr_assert(pthread_create(&thread, NULL, free_half_and_meet, NULL) == 0);
    sem_wait(&meeting.ready);
    pid_t child = fork();
    if (child == 0) {
        _exit(child_of_fork());
    }
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned) status);
    sem_post(&meeting.go);
    pthread_join(thread, NULL);
    assert_live(MANY / 2);
}

/* Counts torn from the tags by a fork in the middle of things: the tags are right. */
Test(thread, repair_believes_the_tags, .init = start)
{
    static const struct lmm_ledger_row wrong[] = {
        {.allocated_blocks = 3},
        {.freed_blocks = 2},
        {.allocated_extra = 5},
        {.freed_extra = 6},
        {.allocated_blocks = 10, .freed_blocks = 1, .allocated_extra = 7, .freed_extra = 30},
    };

    lmm_alloc(family);
    lmm_calloc(family, 4);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct lmm_stats stats;
        lmm_rows_count_shared(family->site, &wrong[i]);
        lmm_repair_books();
        cr_assert(lmm_family_stats(family, &stats) == 0);
        cr_expect(stats.live_blocks == 2 && stats.live_slots == 5, "case %zu", i);
    }
}

/* The private list and the cache of the heap itself may be put together again as well. */
Test(thread, repair_heap, .init = start)
{
    allocate_all(NULL);
    for (int i = 0; i < MANY; i += 3) {
        lmm_free(blocks[i]);
        blocks[i] = NULL;
    }
    lmm_free(lmm_calloc(family, 3));
    lmm_cache_forget(lmm_thread_open.heap);
    lmm_repair_heap(lmm_thread_open.heap);
    lmm_repair_books();
    cr_expect(family->runs.holes.reserved == 0, "the cached run is free");
    assert_heaps(2, 0);
    assert_live(MANY - MANY / 3);
    for (int i = 0; i < MANY; i++) {
        if (blocks[i] == NULL) {
            blocks[i] = lmm_alloc(family);
            memset(blocks[i], i % 251, SIZE);
        }
    }
    free_all(NULL);
    assert_live(0);
}
