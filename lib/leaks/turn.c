/* SPDX-License-Identifier: MIT */
#include "lib/leaks/turn.h"

#include "lib/ground/signals.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"

#include <errno.h>

enum { TURN_US = 1000 };

static uint64_t checker; /* atomic: process << 32 | thread; 0: none */

int lmm_turn_take(void)
{
    uint64_t process = (uint64_t) lmm_system_getpid();
    uint64_t self = process << 32 | (uint64_t) lmm_system_gettid();

    for (;;) {
        uint64_t found = lmm_load_relaxed(&checker);
        if (found == self) {
            return -EDEADLK;
        }
        if (found != 0 && found >> 32 == process) {
            lmm_system_sleep_us(TURN_US);
        } else if (lmm_compare_exchange_acq_rel(&checker, &found, self)) {
            return 0;
        }
    }
}

void lmm_turn_give(void)
{
    lmm_store_release(&checker, (uint64_t) 0);
}

/* Whether this thread holds no lock of LMM; with its signals blocked it stays so. */
static bool holds_no_lock(void)
{
    bool holds_none = lmm_fork_take_locks();

    if (holds_none) {
        lmm_fork_release_locks();
    }
    return holds_none;
}

int lmm_turn_walk(int (*walk)(void *arg), void *arg)
{
    if (!lmm_start()) {
        return -ENOMEM;
    }
    lmm_thread_settle();
    int error = lmm_turn_take();
    if (error != 0) {
        return error;
    }
    uint64_t signals = lmm_signals_block();
    error = holds_no_lock() ? walk(arg) : -EDEADLK;
    lmm_signals_restore(signals);
    lmm_turn_give();
    return error;
}
