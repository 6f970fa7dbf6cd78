/* SPDX-License-Identifier: MIT */
#include "lib/ground/sync.h"

#include "lib/ground/system.h"

_Thread_local uint32_t lmm_ranks_held __attribute__((tls_model("initial-exec")));

_Static_assert(_Alignof(uint32_t) > (LMM_LOCK_WAITED | LMM_LOCK_FOR_FORK),
               "a thread's name has no bit of the marks");

/* The lock that the thread waits for, and the one that it releases and whose sleepers it has not woken; NULL: none.
 * A signal handler that does the same keeps what it interrupted. */
static _Thread_local struct lmm_lock *waited_for __attribute__((tls_model("initial-exec")));
static _Thread_local struct lmm_lock *released __attribute__((tls_model("initial-exec")));

/* A futex has 32 bits: the half of the word with the marks. */
static uint32_t *futex_of(struct lmm_lock *lock)
{
    const size_t last = sizeof(lock->holder) / sizeof(uint32_t) - 1;

    return (uint32_t *) (void *) &lock->holder +
           (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? last : 0);
}

/* LMM's locks are mostly held for less time than a thread needs to fall asleep and wake up. */
enum { SPINS = 200 };

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Takes the lock if its holder releases it soon. */
static bool spin(struct lmm_lock *lock, uintptr_t wanted)
{
    for (int i = 0; i < SPINS; i++) {
        if (lmm_load_relaxed(&lock->holder) == 0 && lmm_lock_take(lock, wanted)) {
            return true;
        }
        relax();
    }
    return false;
}

static void wake(struct lmm_lock *lock)
{
    if (lock != NULL) {
        lmm_system_futex_wake(futex_of(lock));
    }
}

void lmm_lock_pass_wake(void)
{
    wake(waited_for);
    wake(released);
}

/* Ulrich Drepper, "Futexes Are Tricky" (2011), section 6: a thread that has waited leaves the mark,
 * because others may wait, too. */
void lmm_lock_wait(struct lmm_lock *lock, uintptr_t wanted)
{
    struct lmm_lock *interrupted = waited_for;
    uintptr_t found = 0;

    if (lmm_lock_is_mine(lock)) {
        lmm_panic("a signal handler called LMM while it interrupted LMM in the same thread");
    }
    if (spin(lock, wanted)) {
        return;
    }
    lmm_lock_pass_wake();
    lmm_store_relaxed(&waited_for, lock);
    while (!__atomic_compare_exchange_n(&lock->holder, &found, wanted | LMM_LOCK_WAITED, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        uintptr_t waited = found | LMM_LOCK_WAITED;
        if (found == waited || __atomic_compare_exchange_n(&lock->holder, &found, waited, false,
                                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            lmm_system_futex_wait(futex_of(lock), (uint32_t) waited);
        }
        found = 0;
    }
    lmm_store_relaxed(&waited_for, interrupted);
}

void lmm_lock_drop_and_wake(struct lmm_lock *lock)
{
    struct lmm_lock *interrupted = released;

    lmm_store_relaxed(&released, lock);
    lmm_store_release(&lock->holder, (uintptr_t) 0);
    wake(lock);
    lmm_store_relaxed(&released, interrupted);
}
