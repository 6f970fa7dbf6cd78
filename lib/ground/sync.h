/* SPDX-License-Identifier: MIT */
/*
 * sync: atomics with their memory order in the name, and locks with a rank.
 *
 * A thread that holds a lock may take only locks of a higher rank, or of the same rank with a
 * higher number where the comment at the rank says so (only fork does). Builds with internal checks
 * verify it.
 */
#ifndef LMM_SYNC_H
#define LMM_SYNC_H

#include "lib/ground/base.h"
#include "lib/ground/panic.h"

#define lmm_load_relaxed(address)         __atomic_load_n((address), __ATOMIC_RELAXED)
#define lmm_load_acquire(address)         __atomic_load_n((address), __ATOMIC_ACQUIRE)
#define lmm_store_relaxed(address, value) __atomic_store_n((address), (value), __ATOMIC_RELAXED)
#define lmm_store_release(address, value) __atomic_store_n((address), (value), __ATOMIC_RELEASE)
#define lmm_exchange_acq_rel(address, value)                                                       \
    __atomic_exchange_n((address), (value), __ATOMIC_ACQ_REL)
#define lmm_fetch_add_relaxed(address, value)                                                      \
    __atomic_fetch_add((address), (value), __ATOMIC_RELAXED)
#define lmm_fetch_sub_relaxed(address, value)                                                      \
    __atomic_fetch_sub((address), (value), __ATOMIC_RELAXED)
/* True when *address was *expected and is now desired; else *expected is what was found. */
#define lmm_compare_exchange_acq_rel(address, expected, desired)                                   \
    __atomic_compare_exchange_n((address), (expected), (desired), true, __ATOMIC_ACQ_REL,          \
                                __ATOMIC_ACQUIRE)

#if defined(__SANITIZE_THREAD__)
#define LMM_TSAN 1
#else
#define LMM_TSAN 0
#endif

/* Loads what is written once, before any other thread needs its value; with acquire order on x86-64,
 * where a plain load may be part of the instruction that uses the value. */
#if defined(__x86_64__)
#define lmm_load_constant(address) (LMM_TSAN ? lmm_load_acquire(address) : *(address))
#else
#define lmm_load_constant(address) lmm_load_acquire(address)
#endif

/*
 * Adds to a counter that has a single writer, the caller; readers elsewhere see whole values. The
 * plain addition becomes one instruction, which a relaxed load and store do not; for an aligned
 * word it is as whole as they are.
 */
#define lmm_add_single_writer(address, value)                                                      \
    (LMM_TSAN ? lmm_store_relaxed((address), lmm_load_relaxed(address) + (value))                  \
              : (void) (*(address) += (value)))

/*
 * The same for what counts what is over, such as frees. Release: a thread that loads the counter with
 * acquire order finds what happened before the addition, so also the allocations of the blocks, and
 * whatever a program did to hand a block from the thread that allocated it to the one that frees it. On
 * x86-64 every store is a release, if the compiler keeps the order; and the addition is one instruction.
 */
#if defined(__x86_64__)
#define lmm_add_single_writer_release(address, value)                                              \
    do {                                                                                           \
        if (LMM_TSAN) {                                                                            \
            lmm_store_release((address), lmm_load_relaxed(address) + (value));                     \
        } else {                                                                                   \
            __asm__ volatile("" : : : "memory");                                                   \
            *(address) += (value);                                                                 \
        }                                                                                          \
    } while (0)
#else
#define lmm_add_single_writer_release(address, value)                                              \
    lmm_store_release((address), lmm_load_relaxed(address) + (value))
#endif

/*
 * Counts such a counter down by one; true when it is then 0. Release: a thread that loads the
 * counter with acquire order sees what the writer stored before. On x86-64 every store is a release,
 * if the compiler keeps the order; and the decrement is one instruction.
 */
static inline bool lmm_count_down_single_writer(uint32_t *address)
{
#if defined(__x86_64__)
    if (!LMM_TSAN) {
        __asm__ volatile("" : : : "memory");
        return --*address == 0;
    }
#endif
    uint32_t value = lmm_load_relaxed(address) - 1;
    lmm_store_release(address, value);
    return value == 0;
}

/* Fetches the line of an address for writing, so that a load and a store move it only once. */
static inline void lmm_prefetch_for_write(const void *address)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *) address));
#else
    __builtin_prefetch(address, 1);
#endif
}

enum lmm_rank {
    LMM_RANK_REPORT = 1, /* the spare memory of reports */
    LMM_RANK_HEAPS,      /* the list of heaps; parking and adopting */
    LMM_RANK_SHARED,     /* the shared heap */
    LMM_RANK_HEAP,       /* one heap's slow paths; fork takes them all, in order of number */
    LMM_RANK_REGISTRY,   /* families by name */
    LMM_RANK_RUNS,       /* one family's runs; fork takes them all, in order of index */
    LMM_RANK_STACKS,     /* frames, and sites by stack */
    LMM_RANK_MODULES,    /* modules, and rules of unwinding */
    LMM_RANK_SITES,      /* call sites */
    LMM_RANK_LEDGER,     /* chunks of the ledger */
    LMM_RANK_TABLE,      /* leaves of the page table */
    LMM_RANK_RESERVOIR,
    LMM_RANK_ORIGINS, /* by which operator blocks were made */
    LMM_RANK_LOADED,  /* LMM's own table of loaded modules */
    LMM_RANK_META,
    LMM_RANK_MEMS, /* the last: a thread may call MeMS with any lock held */
};

/* A futex, not a pthread mutex: a library that replaces pthread_mutex_lock may allocate in it, and a
 * signal handler that forks must know which locks its thread holds. */
struct lmm_lock {
    uintptr_t holder; /* atomic: 0 free; else lmm_lock_self() of the holder, and marks */
    enum lmm_rank rank;
};

/* The marks in a holder's word. */
enum {
    LMM_LOCK_WAITED = 1,   /* a thread may wait */
    LMM_LOCK_FOR_FORK = 2, /* taken by fork's handlers */
};

#define LMM_LOCK_INIT(rank)                                                                        \
    {                                                                                              \
        0, (rank)                                                                                  \
    }

/* The ranks this thread holds, a bit each; kept only where internal checks are on. */
extern _Thread_local uint32_t lmm_ranks_held;

/* Names the calling thread in this process; the thread that a forked child has keeps its name. */
static inline uintptr_t lmm_lock_self(void)
{
    return (uintptr_t) &lmm_ranks_held;
}

static inline void lmm_lock_init(struct lmm_lock *lock, enum lmm_rank rank)
{
    lock->holder = 0;
    lock->rank = rank;
}

/* The parts of acquire and release that wait and wake. wanted: the holder's word to store. */
LMM_COLD void lmm_lock_wait(struct lmm_lock *lock, uintptr_t wanted);
LMM_COLD void lmm_lock_drop_and_wake(struct lmm_lock *lock);

/*
 * Before code that may be in a signal handler waits for another thread, except for a lock of LMM. The signal may have
 * interrupted this thread where it has released a lock and not yet woken a thread that sleeps for it; or where it was
 * woken and has not yet taken the lock, and another thread sleeps for it. Such a thread is woken by this function.
 */
void lmm_lock_pass_wake(void);

/* Stores the holder's word if the lock is free; true when it was. */
static inline bool lmm_lock_take(struct lmm_lock *lock, uintptr_t wanted)
{
    uintptr_t found = 0;

    return __atomic_compare_exchange_n(&lock->holder, &found, wanted, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static inline void lmm_lock_drop(struct lmm_lock *lock)
{
    uintptr_t found = lmm_load_relaxed(&lock->holder) & ~(uintptr_t) LMM_LOCK_WAITED;

    if (LMM_UNLIKELY(!__atomic_compare_exchange_n(&lock->holder, &found, (uintptr_t) 0, false,
                                                  __ATOMIC_RELEASE, __ATOMIC_RELAXED))) {
        lmm_lock_drop_and_wake(lock);
    }
}

/* Panics when the thread holds the lock: then a signal handler interrupted LMM and calls it. */
static inline void lmm_lock_acquire(struct lmm_lock *lock)
{
    LMM_CHECK((lmm_ranks_held >> lock->rank) == 0);
    if (LMM_UNLIKELY(!lmm_lock_take(lock, lmm_lock_self()))) {
        lmm_lock_wait(lock, lmm_lock_self());
    }
    if (LMM_VALIDATE) {
        lmm_ranks_held |= 1u << lock->rank;
    }
}

/* Takes the lock if nobody holds it; true when it did. */
static inline bool lmm_lock_try(struct lmm_lock *lock)
{
    if (!lmm_lock_take(lock, lmm_lock_self())) {
        return false;
    }
    if (LMM_VALIDATE) {
        lmm_ranks_held |= 1u << lock->rank;
    }
    return true;
}

static inline void lmm_lock_release(struct lmm_lock *lock)
{
    if (LMM_VALIDATE) {
        LMM_CHECK(lmm_ranks_held & (1u << lock->rank));
        lmm_ranks_held &= ~(1u << lock->rank);
    }
    lmm_lock_drop(lock);
}

/* For LMM_CHECK: whether this thread holds a lock of that rank. Builds without internal checks
 * cannot tell, and say true. */
static inline bool lmm_lock_is_held(const struct lmm_lock *lock)
{
    return !LMM_VALIDATE || (lmm_ranks_held & (1u << lock->rank)) != 0;
}

/* ---- fork ------------------------------------------------------------------------------------ */

/*
 * fork holds several locks of one rank, so these functions skip the checks of the order and of
 * lmm_lock_is_held(). A handler of a signal may call fork while it interrupts a thread that holds
 * locks of LMM; such a lock stays as it is in the parent and in the child, until the interrupted
 * code releases it.
 */

/* Whether the calling thread holds the lock. Exact also in a signal handler. */
static inline bool lmm_lock_is_mine(const struct lmm_lock *lock)
{
    const uintptr_t marks = LMM_LOCK_WAITED | LMM_LOCK_FOR_FORK;

    return (lmm_load_relaxed(&lock->holder) & ~marks) == lmm_lock_self();
}

/* Whether fork's handlers took the lock. */
static inline bool lmm_lock_is_for_fork(const struct lmm_lock *lock)
{
    return (lmm_load_relaxed(&lock->holder) & LMM_LOCK_FOR_FORK) != 0;
}

/* Whether a thread may wait for the lock. */
static inline bool lmm_lock_is_waited_for(const struct lmm_lock *lock)
{
    return (lmm_load_relaxed(&lock->holder) & LMM_LOCK_WAITED) != 0;
}

/* Takes the lock unless another thread holds it; true when the caller has it then. */
static inline bool lmm_lock_try_for_fork(struct lmm_lock *lock)
{
    return lmm_lock_is_mine(lock) || lmm_lock_take(lock, lmm_lock_self() | LMM_LOCK_FOR_FORK);
}

/* The same, and waits for another thread. */
static inline void lmm_lock_acquire_for_fork(struct lmm_lock *lock)
{
    if (!lmm_lock_try_for_fork(lock)) {
        lmm_lock_wait(lock, lmm_lock_self() | LMM_LOCK_FOR_FORK);
    }
}

/* Releases a lock that fork's handlers took. */
static inline void lmm_lock_release_for_fork(struct lmm_lock *lock)
{
    if (lmm_lock_is_mine(lock) && lmm_lock_is_for_fork(lock)) {
        lmm_lock_drop(lock);
    }
}

/* In a forked child: frees a lock that another thread of the parent held. */
static inline void lmm_lock_reset_in_child(struct lmm_lock *lock)
{
    if (!lmm_lock_is_mine(lock)) {
        lmm_store_relaxed(&lock->holder, (uintptr_t) 0);
    }
}

#endif
