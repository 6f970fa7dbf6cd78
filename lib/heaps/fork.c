/* SPDX-License-Identifier: MIT */
#include "lib/heaps/fork.h"

#include "lib/books/chunks.h"
#include "lib/books/site.h"
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/reservoir.h"
#include "lib/ground/tools.h"
#include "lib/heaps/cache.h"
#include "lib/heaps/repair.h"
#include "lib/heaps/thread.h"
#include "lib/pages/family.h"
#include "lib/pages/page.h"
#include "lib/stacks/depot.h"
#include "lib/stacks/modules.h"

#include <pthread.h>

struct lmm_lock lmm_report_lock = LMM_LOCK_INIT(LMM_RANK_REPORT);

/* ---- Locks ----------------------------------------------------------------------------------- */

typedef void lock_step(struct lmm_lock *lock);

static void for_each_heap(lock_step *step)
{
    for (struct lmm_heap *heap = lmm_thread_heaps_locked(); heap != NULL; heap = heap->next) {
        step(&heap->lock);
    }
}

static void for_each_family(lock_step *step)
{
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        step(&lmm_families_at(i)->runs.lock);
    }
}

/* All locks in order of rank. Those of heaps and of families are as many as there are; the lock
 * before them in the table keeps their number fixed. */
static const struct {
    struct lmm_lock *lock;             /* or NULL, and: */
    void (*for_each)(lock_step *step); /* calls step for each lock of one rank */
} locks[] = {
    {.lock = &lmm_report_lock},    {.lock = &lmm_heaps_lock},      {.lock = &lmm_shared_heap_lock},
    {.for_each = for_each_heap},   {.lock = &lmm_families_lock},   {.for_each = for_each_family},
    {.lock = &lmm_depot_lock},     {.lock = &lmm_modules_lock},    {.lock = &lmm_sites_lock},
    {.lock = &lmm_chunks_lock},    {.lock = &lmm_page_table_lock}, {.lock = &lmm_reservoir_lock},
    {.lock = &lmm_arena_locks[0]}, {.lock = &lmm_arena_locks[1]},
};

enum { LOCKS = sizeof(locks) / sizeof(locks[0]) };

static void apply(size_t i, lock_step *step)
{
    if (locks[i].lock != NULL) {
        step(locks[i].lock);
    } else {
        locks[i].for_each(step);
    }
}

/* ---- Handlers -------------------------------------------------------------------------------- */

/* Runs before LMM has started, too: another thread may be starting it. */
static void before_fork(void)
{
    for (size_t i = 0; i < LOCKS; i++) {
        apply(i, lmm_lock_acquire_for_fork);
    }
    lmm_chunks_before_fork();
}

static void after_fork(void)
{
    lmm_chunks_after_fork();
    for (size_t i = LOCKS; i-- > 0;) {
        apply(i, lmm_lock_release_for_fork);
    }
}

/* Whether a thread other than the caller was using a heap. */
static bool others_were_active(void)
{
    for (struct lmm_heap *heap = lmm_thread_heaps_locked(); heap != NULL; heap = heap->next) {
        if (!heap->is_parked && !heap->is_shared && heap != lmm_thread_open.heap) {
            return true;
        }
    }
    return false;
}

/* The parent's other threads may have been anywhere in their fast paths, and fork copied memory
 * page by page while they ran. So what they own is rebuilt from the tags. */
static void after_fork_in_child(void)
{
    lmm_tools_after_fork_in_child();
    lmm_options.ledger_off = lmm_options.ledger_off || lmm_options.leaves_children_alone;
    lmm_chunks_after_fork_in_child();
    after_fork();
    lmm_thread_close_sites();
    if (!others_were_active()) {
        return;
    }
    for (struct lmm_heap *heap = lmm_thread_heaps_locked(); heap != NULL; heap = heap->next) {
        lmm_cache_forget(heap);
        lmm_heap_rebuild(heap);
        if (heap != lmm_thread_open.heap && !heap->is_shared) {
            lmm_heap_give_rows(heap);
            heap->is_parked = true;
            lmm_heap_set_idle(heap, true);
        }
    }
    lmm_repair_books();
    LMM_CHECK(lmm_heaps_are_valid(lmm_thread_heaps_locked()));
}

void lmm_fork_watch(void)
{
    if (pthread_atfork(before_fork, after_fork, after_fork_in_child) != 0) {
        lmm_warn("no memory to watch for forks: do not fork while other threads allocate");
    }
}
