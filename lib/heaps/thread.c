/* SPDX-License-Identifier: MIT */
#include "lib/heaps/thread.h"

#include "lib/heaps/cache.h"
#include "lib/stacks/depot.h"
#include "lib/heaps/foreign.h"
#include "lib/ground/tools.h"
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/heaps/repair.h"
#include "lib/heaps/tracer.h"
#include "lib/ground/reservoir.h"
#include "lib/stacks/rules.h"

#include <errno.h>
#include <pthread.h>

_Thread_local struct lmm_open lmm_thread_open;

/* True once this thread's heap was parked for good. */
static _Thread_local bool has_departed __attribute__((tls_model("initial-exec")));

static struct {
    struct lmm_lock lock;        /* HEAPS */
    struct lmm_lock shared_lock; /* SHARED */
    struct lmm_heap *first;
    struct lmm_heap *shared;
    uint32_t count;
    bool has_settings;
    bool has_key;
    bool has_started;  /* atomic; all below stand */
    pthread_key_t key; /* its destructor parks a heap */
} threads = {
    .lock = LMM_LOCK_INIT(LMM_RANK_HEAPS),
    .shared_lock = LMM_LOCK_INIT(LMM_RANK_SHARED),
};

/* ---- Heaps ------------------------------------------------------------------------------------- */

static struct lmm_heap *add_heap_locked(bool is_shared)
{
    struct lmm_heap *heap = lmm_meta_zalloc(sizeof(*heap));

    if (heap == NULL) {
        return NULL;
    }
    if (!lmm_heap_init(heap, threads.count + 1, is_shared)) {
        lmm_meta_free(&lmm_arena_records, heap, sizeof(*heap));
        return NULL;
    }
    threads.count++;
    heap->next = threads.first;
    threads.first = heap;
    return heap;
}

static struct lmm_heap *find_parked_locked(void)
{
    struct lmm_heap *heap = threads.first;

    while (heap != NULL && !heap->is_parked) {
        heap = heap->next;
    }
    return heap;
}

static void park(struct lmm_heap *heap)
{
    lmm_lock_acquire(&threads.lock);
    heap->is_parked = true;
    lmm_lock_release(&threads.lock);
}

/* A heap for this thread; NULL when there is no memory for one. */
static struct lmm_heap *adopt(void)
{
    lmm_lock_acquire(&threads.lock);
    struct lmm_heap *heap = find_parked_locked();
    if (heap == NULL) {
        heap = add_heap_locked(false);
    }
    if (heap != NULL) {
        heap->is_parked = false;
        if (heap->tracer != NULL) {
            heap->tracer->is_ready = false;
        }
    }
    lmm_lock_release(&threads.lock);
    /* In the drop-in this may ask for memory, which is then the shared heap's. */
    has_departed = true;
    if (heap != NULL && pthread_setspecific(threads.key, heap) != 0) {
        park(heap); /* without the destructor nobody would park it later */
        heap = NULL;
    }
    has_departed = false;
    return heap;
}

/* The thread ends: what it owns is put in order for whoever adopts it. */
static void depart(void *arg)
{
    struct lmm_heap *heap = arg;

    has_departed = true;
    lmm_thread_open = (struct lmm_open) {0};
    lmm_foreign_flush(heap);
    lmm_cache_flush(heap);
    lmm_heap_settle(heap);
    park(heap);
}

struct lmm_heap *lmm_thread_enter(void)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    if (LMM_UNLIKELY(lmm_accounts_is_pending())) {
        lmm_accounts_publish();
    }

    if (heap == NULL && !has_departed) {
        heap = adopt();
    }
    if (heap == NULL) {
        lmm_lock_acquire(&threads.shared_lock);
        heap = threads.shared;
    }
    return heap;
}

void lmm_thread_leave(struct lmm_heap *heap)
{
    if (heap->is_shared) {
        lmm_foreign_flush(heap);
        lmm_lock_release(&threads.shared_lock);
        return;
    }
    lmm_thread_open = heap->open;
    if (lmm_tools_active || (LMM_DROP_IN && lmm_options.stack_frames != 0)) {
        lmm_thread_open.site_limit = 0;
    }
}

void lmm_thread_for_each_heap(void (*visit)(struct lmm_heap *heap, void *arg), void *arg)
{
    lmm_lock_acquire(&threads.lock);
    for (struct lmm_heap *heap = threads.first; heap != NULL; heap = heap->next) {
        visit(heap, arg);
    }
    lmm_lock_release(&threads.lock);
}

/* ---- Trimming ------------------------------------------------------------------------------------ */

/* Another thread's heap cannot be trimmed under its feet: its owner is asked to. */
static void trim_heap(struct lmm_heap *heap, void *arg)
{
    size_t *bytes = arg;

    if (heap->is_shared) {
        lmm_lock_acquire(&threads.shared_lock);
        *bytes += lmm_heap_trim(heap);
        lmm_lock_release(&threads.shared_lock);
    } else if (heap->is_parked) {
        *bytes += lmm_heap_trim(heap);
    } else if (heap != lmm_thread_open.heap) {
        lmm_heap_want_trim(heap);
    }
}

size_t lmm_thread_trim(void)
{
    size_t bytes = 0;

    struct lmm_heap *heap = lmm_thread_enter();
    lmm_foreign_flush(heap);
    lmm_cache_flush(heap);
    bytes += lmm_heap_trim(heap);
    lmm_thread_leave(heap);
    lmm_thread_for_each_heap(trim_heap, &bytes);
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        bytes += lmm_runs_trim(&lmm_families_at(i)->runs);
    }
    bytes += lmm_reservoir_empty();
    lmm_accounts_note_memory();
    return bytes;
}

/* ---- fork ---------------------------------------------------------------------------------------- */

/* Before LMM has started, too: another thread may be starting it. Heap locks are one rank, taken in the
 * order of the list, which only grows at its head under HEAPS. */
static void before_fork(void)
{
    lmm_lock_acquire_for_fork(&lmm_report_lock);
    lmm_lock_acquire_for_fork(&threads.lock);
    lmm_lock_acquire_for_fork(&threads.shared_lock);
    for (struct lmm_heap *heap = threads.first; heap != NULL; heap = heap->next) {
        lmm_lock_acquire_for_fork(&heap->lock);
    }
    lmm_families_before_fork();
    lmm_depot_before_fork();
    lmm_rules_before_fork();
    lmm_site_before_fork();
    lmm_accounts_before_fork();
    lmm_page_before_fork();
    lmm_reservoir_before_fork();
    lmm_meta_before_fork();
}

static void after_fork(void)
{
    lmm_meta_after_fork();
    lmm_reservoir_after_fork();
    lmm_page_after_fork();
    lmm_accounts_after_fork();
    lmm_site_after_fork();
    lmm_rules_after_fork();
    lmm_depot_after_fork();
    lmm_families_after_fork();
    for (struct lmm_heap *heap = threads.first; heap != NULL; heap = heap->next) {
        lmm_lock_release_for_fork(&heap->lock);
    }
    lmm_lock_release_for_fork(&threads.shared_lock);
    lmm_lock_release_for_fork(&threads.lock);
    lmm_lock_release_for_fork(&lmm_report_lock);
}

/* Whether a thread other than the caller was using a heap. */
static bool others_were_active(void)
{
    for (struct lmm_heap *heap = threads.first; heap != NULL; heap = heap->next) {
        if (!heap->is_parked && !heap->is_shared && heap != lmm_thread_open.heap) {
            return true;
        }
    }
    return false;
}

/* Threads that the child does not have were stopped anywhere in their fast paths, and fork copies
 * memory page by page while they run. What they own is put together again from the tags. */
static void after_fork_in_child(void)
{
    lmm_tools_after_fork_in_child();
    lmm_options.ledger_off = lmm_options.ledger_off || lmm_options.leaves_children_alone;
    lmm_accounts_after_fork_in_child();
    after_fork();
    lmm_thread_open.site_limit =
        0; /* until lmm_thread_enter() has found a ledger for this process */
    if (!others_were_active()) {
        return;
    }
    for (struct lmm_heap *heap = threads.first; heap != NULL; heap = heap->next) {
        lmm_repair_heap(heap);
        if (heap != lmm_thread_open.heap && !heap->is_shared) {
            heap->is_parked = true;
        }
    }
    lmm_repair_books();
}

/* ---- Start --------------------------------------------------------------------------------------- */

/* Each step is done once, however often the whole is tried; the ledger, which others see and which may
 * print a line, comes last. */
static bool start_locked(void)
{
    if (!threads.has_settings) {
        lmm_options_read();
        lmm_tools_start();
        lmm_reservoir_set_bound(lmm_options.reservoir_bytes);
        threads.has_settings = true;
    }
    threads.has_key = threads.has_key || pthread_key_create(&threads.key, depart) == 0;
    if (threads.shared == NULL) {
        threads.shared = add_heap_locked(true);
    }
    return threads.has_key && threads.shared != NULL && lmm_accounts_start();
}

/* Before the program can register handlers of its own: those run outside these, without LMM's locks. */
__attribute__((constructor(101))) static void watch_forks(void)
{
    if (pthread_atfork(before_fork, after_fork, after_fork_in_child) != 0) {
        lmm_warn("no memory to watch for forks: do not fork while other threads allocate");
    }
}

bool lmm_thread_has_started(void)
{
    return lmm_load_acquire(&threads.has_started);
}

bool lmm_thread_start(void)
{
    if (LMM_LIKELY(lmm_thread_has_started())) {
        return true;
    }
    lmm_lock_acquire(&threads.lock);
    bool done = threads.has_started || start_locked();
    lmm_store_release(&threads.has_started, done);
    lmm_lock_release(&threads.lock);
    if (!done) {
        errno = ENOMEM;
    }
    return done;
}
