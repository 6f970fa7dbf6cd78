/* SPDX-License-Identifier: MIT */
#include "lib/heaps/fork.h"

#include "lib/books/accounts.h"
#include "lib/books/peak.h"
#include "lib/books/site.h"
#include "lib/ground/meta.h"
#include "lib/ground/module_table.h"
#include "lib/ground/options.h"
#include "lib/ground/reservoir.h"
#include "lib/ground/signals.h"
#include "lib/ground/system.h"
#include "lib/ground/tools.h"
#include "lib/heaps/foreign.h"
#include "lib/heaps/magazine.h"
#include "lib/heaps/repair.h"
#include "lib/heaps/thread.h"
#include "lib/pages/family.h"
#include "lib/pages/origin.h"
#include "lib/pages/page.h"
#include "lib/stacks/depot.h"
#include "lib/stacks/modules.h"

#include <errno.h>
#include <pthread.h>

struct lmm_lock lmm_report_lock = LMM_LOCK_INIT(LMM_RANK_REPORT);

/* ---- Locks ----------------------------------------------------------------------------------- */

typedef void lock_step(struct lmm_lock *lock, void *arg);

static void for_each_heap(lock_step *step, void *arg)
{
    for (struct lmm_heap *heap = lmm_thread_heaps(); heap != NULL; heap = heap->next) {
        step(heap->lock, arg);
    }
}

static void for_each_family(lock_step *step, void *arg)
{
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        step(&lmm_families_at(i)->runs.lock, arg);
    }
}

/* All locks in order of rank. Those of heaps and of families are as many as there are; the lock
 * before them in the table keeps their number fixed. */
static const struct {
    struct lmm_lock *lock;                        /* or NULL, and: */
    void (*for_each)(lock_step *step, void *arg); /* calls step for each lock of one rank */
} locks[] = {
    {.lock = &lmm_report_lock},      {.lock = &lmm_heaps_lock},
    {.lock = &lmm_shared_heap_lock}, {.for_each = for_each_heap},
    {.lock = &lmm_families_lock},    {.for_each = for_each_family},
    {.lock = &lmm_depot_lock},       {.lock = &lmm_modules_lock},
    {.lock = &lmm_sites_lock},       {.lock = &lmm_chunks_lock},
    {.lock = &lmm_page_table_lock},  {.lock = &lmm_reservoir_lock},
    {.lock = &lmm_origins_lock},     {.lock = &lmm_module_table_lock},
    {.lock = &lmm_arena_locks[0]},   {.lock = &lmm_arena_locks[1]},
    {.lock = &lmm_arena_locks[2]},
};

enum { LOCKS = sizeof(locks) / sizeof(locks[0]) };

static void apply(size_t i, lock_step *step, void *arg)
{
    if (locks[i].lock != NULL) {
        step(locks[i].lock, arg);
    } else {
        locks[i].for_each(step, arg);
    }
}

static void apply_to_all(lock_step *step, void *arg)
{
    for (size_t i = 0; i < LOCKS; i++) {
        apply(i, step, arg);
    }
}

/* What the forking thread held before: then a signal handler that interrupted LMM calls fork. */
struct taking {
    enum lmm_rank highest; /* of its locks; 0: none */
    bool is_waited_for;    /* a thread waits for one of them */
    unsigned pauses;       /* so far */
};

enum {
    PAUSE_US = 100,
    PAUSES_MAX = 1000, /* while a thread waits for a lock of this one */
};

static void note_mine(struct lmm_lock *lock, void *arg)
{
    struct taking *taking = arg;

    if (lmm_lock_is_mine(lock) && !lmm_lock_is_for_fork(lock)) {
        taking->highest = lock->rank > taking->highest ? lock->rank : taking->highest;
        taking->is_waited_for = taking->is_waited_for || lmm_lock_is_waited_for(lock);
    }
}

/*
 * Takes the lock. One that comes before a lock which this thread had already may belong to a thread
 * that waits for the latter: that thread can go on only after the fork, so the wait ends at last.
 */
static void take(struct lmm_lock *lock, void *arg)
{
    struct taking *taking = arg;

    if (lock->rank > taking->highest) {
        lmm_lock_acquire_for_fork(lock);
        return;
    }
    lmm_lock_pass_wake();
    while (!lmm_lock_try_for_fork(lock) && taking->pauses < PAUSES_MAX) {
        apply_to_all(note_mine, taking);
        taking->pauses += taking->is_waited_for;
        lmm_system_sleep_us(PAUSE_US);
    }
}

static void give_back(struct lmm_lock *lock, void *arg)
{
    (void) arg;
    lmm_lock_release_for_fork(lock);
}

static void reset(struct lmm_lock *lock, void *arg)
{
    (void) arg;
    lmm_lock_reset_in_child(lock);
}

static void take_all(void)
{
    struct taking taking = {0};

    apply_to_all(note_mine, &taking);
    apply_to_all(take, &taking);
}

static void give_all_back(void)
{
    for (size_t i = LOCKS; i-- > 0;) {
        apply(i, give_back, NULL);
    }
}

bool lmm_fork_take_locks(void)
{
    struct taking taking = {0};

    apply_to_all(note_mine, &taking);
    if (taking.highest != 0) {
        return false;
    }
    apply_to_all(take, &taking);
    return true;
}

void lmm_fork_release_locks(void)
{
    give_all_back();
}

/* Whether the lock can be taken, after a wait for another thread. */
static bool is_usable(struct lmm_lock *lock)
{
    for (unsigned pauses = 0; !lmm_lock_try(lock); pauses++) {
        if (lmm_lock_is_mine(lock) || pauses == PAUSES_MAX) {
            return false;
        }
        lmm_system_sleep_us(PAUSE_US);
    }
    lmm_lock_release(lock);
    return true;
}

bool lmm_fork_locks_are_usable(void)
{
    for (size_t i = 0; i < LOCKS; i++) {
        struct lmm_lock *lock = locks[i].lock;
        if (lock != NULL && lock->rank >= LMM_RANK_STACKS && !is_usable(lock)) {
            return false;
        }
    }
    return true;
}

/* ---- libc's list of streams ------------------------------------------------------------------ */

/*
 * glibc's fork takes the lock of this list after all handlers. A thread that holds it (in fflush(NULL),
 * fclose or exit) may wait for a stream whose user waits for memory, so it must be taken before
 * LMM's locks. It is recursive. As glibc, a process of one thread does not take it. These are the
 * names that libpthread used while it was a library of its own; other C libraries lack them.
 */
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));
extern char __libc_single_threaded __attribute__((weak));

static bool lock_streams(void)
{
    bool is_single = &__libc_single_threaded != NULL && __libc_single_threaded != 0;

    if (is_single || _IO_list_lock == NULL || _IO_list_unlock == NULL ||
        _IO_list_resetlock == NULL) {
        return false;
    }
    lmm_lock_pass_wake();
    _IO_list_lock();
    return true;
}

/* ---- The handlers ---------------------------------------------------------------------------- */

/* From the prepare handler to the parent's or the child's. */
static _Thread_local struct {
    uint64_t signals;      /* the thread's mask */
    bool has_streams;      /* the lock of libc's list of streams */
    bool has_copied_books; /* no other thread was changing them */
} forking __attribute__((tls_model("initial-exec")));

/* Of a child until it is settled. */
static struct {
    bool has_run_handlers;
    bool needs_repair;
    struct lmm_heap *survivor; /* the heap of the thread that forked; NULL: it had none */
} child;

/* Runs before LMM has started, too: another thread may be starting it. */
static void begin(bool has_streams)
{
    forking.has_streams = has_streams;
    take_all();
    forking.has_copied_books = lmm_lock_is_mine(&lmm_chunks_lock);
    if (forking.has_copied_books) {
        lmm_chunks_before_fork();
    }
}

static void before_fork(void)
{
    forking.signals = lmm_signals_block();
    begin(lock_streams());
}

static void after_fork(void)
{
    if (forking.has_copied_books) {
        lmm_chunks_after_fork();
    }
    give_all_back();
    if (forking.has_streams) {
        _IO_list_unlock();
    }
    lmm_signals_restore(forking.signals);
}

/* Whether a thread other than the caller was using a heap. */
static bool others_were_active(void)
{
    for (struct lmm_heap *heap = lmm_thread_heaps(); heap != NULL; heap = heap->next) {
        if (!heap->is_parked && !heap->is_shared && heap != lmm_thread_open.heap) {
            return true;
        }
    }
    return false;
}

static void begin_child(void)
{
    lmm_tools_after_fork_in_child();
    lmm_options.ledger_off = lmm_options.ledger_off || lmm_options.leaves_children_alone;
    lmm_thread_close_sites();
}

static void after_fork_in_child(void)
{
    begin_child();
    if (forking.has_copied_books) {
        lmm_chunks_after_fork_in_child();
        lmm_chunks_after_fork();
    }
    child.has_run_handlers = lmm_thread_unsettle() && forking.has_copied_books;
    child.needs_repair = child.needs_repair || others_were_active();
    child.survivor = lmm_thread_open.heap;
    give_all_back();
    apply_to_all(reset, NULL);
    if (forking.has_streams) {
        _IO_list_resetlock();
    }
    lmm_signals_restore(forking.signals);
}

void lmm_fork_watch(void)
{
    if (pthread_atfork(before_fork, after_fork, after_fork_in_child) != 0) {
        lmm_warn("no memory to watch for forks: do not fork while other threads allocate");
    }
}

/* libc holds the lock of its streams already, unless the program calls _Fork itself: then nobody takes it. */
int lmm_fork_around(int (*make_child)(void))
{
    forking.signals = lmm_signals_block();
    begin(false);
    int made = make_child();
    int saved_errno = errno;

    if (made == 0) {
        after_fork_in_child();
    } else {
        after_fork();
    }
    errno = saved_errno;
    return made;
}

/* ---- The child's first call ------------------------------------------------------------------ */

/* The child was made by a system call, or by _Fork or clone: the parent goes on in the same books,
 * and other threads may have held locks. The counters are those of this moment. */
static void begin_child_without_handlers(void)
{
    begin_child();
    apply_to_all(reset, NULL);
    lmm_chunks_before_fork();
    lmm_chunks_after_fork_in_child();
    lmm_chunks_after_fork();
    child.needs_repair = true;
    child.survivor = lmm_thread_open.heap;
}

/* Counts what lives anew, without what the other threads had not added yet. */
static void recount_live(void)
{
    int64_t bytes = 0;

    for (struct lmm_heap *heap = lmm_thread_heaps(); heap != NULL; heap = heap->next) {
        lmm_heap_reset_noted(heap);
    }
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        bytes += lmm_family_reset_live(lmm_families_at(i));
    }
    lmm_peak_set(bytes);
}

/* The parent's other threads may have been anywhere in their fast paths, and the kernel copied memory
 * page by page while they ran. So what they own is rebuilt from the tags. */
static void repair(void)
{
    lmm_lock_acquire(&lmm_heaps_lock);
    lmm_foreign_mark_batches(lmm_thread_heaps(), NULL);
    for (struct lmm_heap *heap = lmm_thread_heaps(); heap != NULL; heap = heap->next) {
        lmm_thread_forget_cache_locked(heap);
        lmm_magazines_forget(heap);
        lmm_repair_heap(heap);
        if (heap != child.survivor && !heap->is_shared) {
            lmm_heap_give_rows(heap);
            lmm_thread_park_locked(heap);
        }
    }
    lmm_repair_books();
    recount_live();
    LMM_CHECK(lmm_heaps_are_valid(lmm_thread_heaps()));
    lmm_lock_release(&lmm_heaps_lock);
}

void lmm_fork_settle_child(void)
{
    if (!child.has_run_handlers) {
        begin_child_without_handlers();
    }
    for (struct lmm_heap *heap = lmm_thread_heaps(); heap != NULL; heap = heap->next) {
        lmm_heap_fill_directory(heap);
    }
    if (child.needs_repair) {
        repair();
    }
    child.has_run_handlers = child.needs_repair = false;
    lmm_page_open_window();
    lmm_accounts_publish();
}
