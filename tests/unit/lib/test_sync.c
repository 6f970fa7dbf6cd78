/* SPDX-License-Identifier: MIT */
/* sync: the locks, alone and around fork. */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

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

/* ---- A signal handler that waits for a thread ------------------------------------------------ */

static struct {
    pthread_t thread[2]; /* they wait for the lock; the first one gets the signal */
    atomic_int waiting;
    atomic_bool has_ended; /* the second one */
} wake;

static void wait_for_second(void)
{
    while (!atomic_load(&wake.has_ended)) {
        usleep(100);
    }
}

/* The first thread had the lock's wake; the second one sleeps until it is passed on. */
static void wait_in_handler(int number)
{
    (void) number;
    if (!lmm_lock_is_mine(&lock)) {
        lmm_lock_pass_wake();
        wait_for_second();
    }
}

static void *wait_for_lock(void *number)
{
    atomic_fetch_add(&wake.waiting, 1);
    lmm_lock_acquire(&lock);
    lmm_lock_release(&lock);
    if (number != NULL) {
        atomic_store(&wake.has_ended, true);
    }
    return number;
}

static void start_waiter(size_t i)
{
    cr_assert(pthread_create(&wake.thread[i], NULL, wait_for_lock, i == 0 ? NULL : &wake) == 0);
    while (atomic_load(&wake.waiting) != (int) i + 1) {
        usleep(100);
    }
    usleep(2000); /* until it sleeps, mostly */
}

/* All on one processor, and the threads yield to this one, so that mostly the wake and the signal both come before the
 * first thread goes on. */
Test(sync, a_wake_is_passed_on_by_a_handler, .timeout = 60)
{
    struct sigaction action = {.sa_handler = wait_in_handler};
    struct sched_param idle = {0};
    cpu_set_t one;

    sigaction(SIGUSR1, &action, NULL);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
    for (int round = 0; round < 20; round++) {
        atomic_store(&wake.waiting, 0);
        atomic_store(&wake.has_ended, false);
        lmm_lock_acquire(&lock);
        start_waiter(0);
        start_waiter(1);
        pthread_setschedparam(wake.thread[0], SCHED_IDLE, &idle);
        pthread_setschedparam(wake.thread[1], SCHED_IDLE, &idle);
        lmm_lock_release(&lock);
        pthread_kill(wake.thread[0], SIGUSR1);
        pthread_join(wake.thread[0], NULL);
        pthread_join(wake.thread[1], NULL);
    }
    cr_expect(!lmm_lock_is_mine(&lock) && lmm_lock_try(&lock));
}

#if defined(__x86_64__)

static struct lmm_lock other = LMM_LOCK_INIT(LMM_RANK_RESERVOIR);

enum { TRAP_FLAG = 1 << 8 };

static void set_trap_flag(bool on)
{
    unsigned long flags = __builtin_ia32_readeflags_u64();
    __builtin_ia32_writeeflags_u64(on ? flags | TRAP_FLAG : flags & ~(unsigned long) TRAP_FLAG);
}

/* The second thread holds the other lock while it sleeps for this one. */
static void *wait_with_other(void *arg)
{
    lmm_lock_acquire(&other);
    wait_for_lock(&wake);
    lmm_lock_release(&other);
    return arg;
}

/* Runs after each instruction: the first time that the lock is not held any more, its sleeper has not been woken. */
static void take_other_in_handler(int number)
{
    static bool has_waited;

    (void) number;
    if (!has_waited && !lmm_lock_is_mine(&lock)) {
        has_waited = true;
        lmm_lock_acquire_for_fork(&other);
        lmm_lock_release_for_fork(&other);
        wait_for_second();
    }
}

/* The handler waits for a thread that waits for the lock which the interrupted release has dropped. */
Test(sync, a_release_whose_wake_is_interrupted, .timeout = 60)
{
    struct sigaction action = {.sa_handler = take_other_in_handler};

    sigaction(SIGTRAP, &action, NULL);
    lmm_lock_acquire(&lock);
    cr_assert(pthread_create(&wake.thread[1], NULL, wait_with_other, NULL) == 0);
    while (!lmm_lock_is_waited_for(&lock)) {
        usleep(100);
    }
    usleep(2000); /* until it sleeps, mostly */
    set_trap_flag(true);
    lmm_lock_release(&lock);
    set_trap_flag(false);
    pthread_join(wake.thread[1], NULL);
    cr_expect(atomic_load(&wake.has_ended));
}

#endif

/* Without this line the thread would wait for itself. */
Test(sync, a_handler_that_needs_a_lock_of_its_thread, .signal = SIGABRT)
{
    lmm_lock_acquire(&lock);
    lmm_lock_wait(&lock, lmm_lock_self());
}
