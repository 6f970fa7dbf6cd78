/* SPDX-License-Identifier: MIT */
/* bare_thread: it runs with zeroed variables, one at a time, and also out of a signal handler. */
#include "lib/ground/bare_thread.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static struct lmm_bare_thread thread;
static _Thread_local volatile int variable = 7;

static struct {
    uint32_t runs;
    uint32_t may_end;
    int pid;
    int tid;
    int variable;
} seen;

static void run(void *arg)
{
    seen.pid = lmm_system_getpid();
    seen.tid = (int) thread.alive;
    seen.variable = variable;
    lmm_store_release(&seen.runs, seen.runs + *(const uint32_t *) arg);
    while (lmm_load_acquire(&seen.may_end) == 0) {
        lmm_system_sleep_us(100);
    }
}

static uint32_t one = 1;

static void prepare(void)
{
    cr_assert(lmm_bare_thread_prepare(&thread));
}

static void wait_for(const uint32_t *word, uint32_t value)
{
    while (lmm_load_acquire(word) != value) {
        lmm_system_sleep_us(100);
    }
}

Test(bare_thread, its_variables_are_zero, .init = prepare)
{
    cr_assert(lmm_bare_thread_start(&thread, run, &one) == 0);
    wait_for(&seen.runs, 1);
    cr_expect(seen.pid == getpid() && seen.tid != gettid() && seen.tid > 1);
    cr_expect(seen.variable == 0 && variable == 7);
    lmm_store_release(&seen.may_end, UINT32_C(1));
    wait_for(&thread.alive, 0);
}

/* I1. */
Test(bare_thread, one_at_a_time, .init = prepare)
{
    for (uint32_t i = 1; i <= 1000; i++) {
        lmm_store_release(&seen.may_end, UINT32_C(0));
        cr_assert(lmm_bare_thread_start(&thread, run, &one) == 0);
        cr_expect(lmm_bare_thread_start(&thread, run, &one) == -EBUSY);
        wait_for(&seen.runs, i);
        lmm_store_release(&seen.may_end, UINT32_C(1));
        wait_for(&thread.alive, 0);
    }
}

Test(bare_thread, not_before_it_is_prepared)
{
    cr_expect(lmm_bare_thread_start(&thread, run, &one) == -EBUSY);
}

static void start_it(int number)
{
    (void) number;
    lmm_bare_thread_start(&thread, run, &one);
}

Test(bare_thread, from_a_signal_handler, .init = prepare)
{
    signal(SIGUSR1, start_it);
    lmm_store_release(&seen.may_end, UINT32_C(1));
    for (uint32_t i = 1; i <= 100; i++) {
        raise(SIGUSR1);
        wait_for(&seen.runs, i);
        wait_for(&thread.alive, 0);
    }
}
