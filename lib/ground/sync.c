/* SPDX-License-Identifier: MIT */
#include "lib/ground/sync.h"

#include "lib/ground/system.h"

_Thread_local uint32_t lmm_ranks_held __attribute__((tls_model("initial-exec")));

/* Ulrich Drepper, "Futexes Are Tricky" (2011), section 6. */
void lmm_lock_wait(struct lmm_lock *lock)
{
    while (__atomic_exchange_n(&lock->state, 2, __ATOMIC_ACQUIRE) != 0) {
        lmm_system_futex_wait(&lock->state, 2);
    }
}

void lmm_lock_wake(struct lmm_lock *lock)
{
    lmm_system_futex_wake(&lock->state);
}
