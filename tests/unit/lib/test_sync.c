/* SPDX-License-Identifier: MIT */
/* sync: the locks, alone and around fork. */
#include <criterion/criterion.h>
#include <signal.h>

#include "lib/ground/sync.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 20000 };

static struct lmm_lock lock = LMM_LOCK_INIT(LMM_RANK_META);
static unsigned long shared;

static void *add(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        lmm_lock_acquire(&lock);
        shared++;
        lmm_lock_release(&lock);
    }
    return arg;
}

Test(sync, one_thread_at_a_time)
{
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++) {
        cr_assert(pthread_create(&thread[i], NULL, add, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    cr_expect(shared == THREADS * ROUNDS);
    cr_expect(!lmm_lock_is_mine(&lock) && !lmm_lock_is_waited_for(&lock));
}

static void *hold_and_end(void *arg)
{
    cr_expect(lmm_lock_try_for_fork(&lock) && lmm_lock_is_mine(&lock));
    return arg;
}

/* A lock that the thread holds when its signal handler forks stays held; others are released. */
Test(sync, fork_keeps_what_the_thread_held)
{
    struct lmm_lock held = LMM_LOCK_INIT(LMM_RANK_RESERVOIR);

    lmm_lock_acquire(&held);
    lmm_lock_acquire_for_fork(&held);
    lmm_lock_acquire_for_fork(&lock);
    cr_expect(lmm_lock_is_mine(&lock) && lmm_lock_is_for_fork(&lock));
    cr_expect(lmm_lock_is_mine(&held) && !lmm_lock_is_for_fork(&held));
    lmm_lock_release_for_fork(&lock);
    lmm_lock_release_for_fork(&held);
    lmm_lock_reset_in_child(&held);
    cr_expect(!lmm_lock_is_mine(&lock) && lmm_lock_is_mine(&held));
    lmm_lock_release(&held);
    cr_expect(!lmm_lock_is_mine(&held));
}

Test(sync, a_child_resets_locks_of_other_threads)
{
    pthread_t thread;

    cr_assert(pthread_create(&thread, NULL, hold_and_end, NULL) == 0);
    pthread_join(thread, NULL);
    cr_expect(!lmm_lock_is_mine(&lock) && !lmm_lock_try_for_fork(&lock) && !lmm_lock_try(&lock));
    lmm_lock_release_for_fork(&lock);
    cr_expect(!lmm_lock_try(&lock), "not this thread's");
    lmm_lock_reset_in_child(&lock);
    cr_expect(lmm_lock_try(&lock));
    lmm_lock_release(&lock);
}

/* Without this line the thread would wait for itself. */
Test(sync, a_handler_that_needs_a_lock_of_its_thread, .signal = SIGABRT)
{
    lmm_lock_acquire(&lock);
    lmm_lock_wait(&lock, lmm_lock_self());
}
