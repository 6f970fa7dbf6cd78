/* SPDX-License-Identifier: MIT */
#include "lib/heaps/thread.h"

#include "lib/heaps/cache.h"
#include "lib/heaps/foreign.h"
#include "lib/ground/tools.h"
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/heaps/tracer.h"
#include "lib/ground/reservoir.h"

#include <limits.h>
#include <pthread.h>

_Thread_local struct lmm_open lmm_thread_open;

/* How often the destructor of the key has run for this thread. */
static _Thread_local unsigned rounds __attribute__((tls_model("initial-exec")));

/* True once this thread's heap was parked for good. */
static _Thread_local bool has_departed __attribute__((tls_model("initial-exec")));

struct lmm_lock lmm_heaps_lock = LMM_LOCK_INIT(LMM_RANK_HEAPS);
struct lmm_lock lmm_shared_heap_lock = LMM_LOCK_INIT(LMM_RANK_SHARED);

/* Under HEAPS; `shared` and `key` are fixed once LMM has started. */
static struct {
    struct lmm_heap *first;
    struct lmm_heap *shared;
    uint32_t count;
    bool has_key;
    pthread_key_t key; /* its destructor parks a heap */
} threads;

static inline bool takes_stacks(void)
{
    return LMM_DROP_IN && lmm_options.stack_frames != 0;
}

static struct lmm_heap *add_heap_locked(bool is_shared)
{
    struct lmm_heap *heap = lmm_meta_zalloc(sizeof(*heap));

    if (heap == NULL) {
        return NULL;
    }
    if (!lmm_heap_init(heap, threads.count + 1, is_shared, takes_stacks())) {
        lmm_meta_free(&lmm_arena_records, heap, sizeof(*heap));
        return NULL;
    }
    threads.count++;
    heap->next = threads.first;
    threads.first = heap;
    return heap;
}

static void park(struct lmm_heap *heap)
{
    lmm_lock_acquire(&lmm_heaps_lock);
    heap->is_parked = true;
    lmm_heap_set_idle(heap, true);
    lmm_lock_release(&lmm_heaps_lock);
}

static struct lmm_heap *adopt(void)
{
    lmm_lock_acquire(&lmm_heaps_lock);
    struct lmm_heap *heap = threads.first;
    while (heap != NULL && !heap->is_parked) {
        heap = heap->next;
    }
    heap = heap != NULL ? heap : add_heap_locked(false);
    if (heap != NULL) {
        heap->is_parked = false;
        lmm_heap_set_idle(heap, false);
        if (heap->tracer != NULL) {
            heap->tracer->is_ready = false;
        }
    }
    lmm_lock_release(&lmm_heaps_lock);
    /* In the drop-in this may ask for memory, which is then the shared heap's. */
    has_departed = true;
    if (heap != NULL && pthread_setspecific(threads.key, heap) != 0) {
        park(heap); /* without the destructor nobody would park it later */
        heap = NULL;
    }
    has_departed = false;
    return heap;
}

/* The thread ends: what it owns is put in order for whoever adopts it. Other keys' destructors may
 * come after this one and use the heap; so it waits for the last of the rounds that libc makes. */
static void depart(void *arg)
{
    struct lmm_heap *heap = arg;

    rounds++;
    if (rounds < PTHREAD_DESTRUCTOR_ITERATIONS && pthread_setspecific(threads.key, heap) == 0) {
        return;
    }
    has_departed = true;
    lmm_thread_open = (struct lmm_open) {0};
    lmm_foreign_flush(heap);
    lmm_cache_flush(heap);
    lmm_heap_settle(heap);
    lmm_heap_give_rows(heap);
    park(heap);
}

bool lmm_thread_prepare_locked(void)
{
    threads.has_key = threads.has_key || pthread_key_create(&threads.key, depart) == 0;
    LMM_CHECK(lmm_lock_is_held(&lmm_heaps_lock));
    if (threads.shared == NULL) {
        threads.shared = add_heap_locked(true);
    }
    return threads.has_key && threads.shared != NULL;
}

struct lmm_heap *lmm_thread_heaps_locked(void)
{
    return threads.first;
}

struct lmm_heap *lmm_thread_enter(void)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    if (LMM_UNLIKELY(lmm_chunks_are_pending())) {
        lmm_accounts_publish();
    }

    if (heap == NULL && !has_departed) {
        heap = adopt();
    }
    if (heap == NULL) {
        lmm_lock_acquire(&lmm_shared_heap_lock);
        heap = threads.shared;
    }
    return heap;
}

void lmm_thread_close_sites(void)
{
    lmm_thread_open.first_limit = 0;
    lmm_thread_open.site_limit = 0;
}

void lmm_thread_leave(struct lmm_heap *heap)
{
    if (heap->is_shared) {
        lmm_foreign_flush(heap);
        lmm_lock_release(&lmm_shared_heap_lock);
        return;
    }
    lmm_thread_open = heap->open;
    if (lmm_tools_active || takes_stacks()) {
        lmm_thread_close_sites();
    }
}

void lmm_thread_for_each_heap(void (*visit)(struct lmm_heap *heap, void *arg), void *arg)
{
    lmm_lock_acquire(&lmm_heaps_lock);
    for (struct lmm_heap *heap = threads.first; heap != NULL; heap = heap->next) {
        visit(heap, arg);
    }
    lmm_lock_release(&lmm_heaps_lock);
}

void lmm_thread_tidy(void)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    if (heap != NULL && !lmm_chunks_are_pending()) { /* a report creates no ledger in a child */
        lmm_foreign_flush(heap);
        lmm_cache_flush(heap);
        lmm_heap_tidy(heap);
    }
}

/* Another thread's heap cannot be trimmed while its owner uses it, except for the pages that other
 * threads have freed: the owner is asked to. */
static void trim_heap(struct lmm_heap *heap, void *arg)
{
    size_t *bytes = arg;

    if (heap->is_shared) {
        lmm_lock_acquire(&lmm_shared_heap_lock);
        *bytes += lmm_heap_trim(heap);
        lmm_lock_release(&lmm_shared_heap_lock);
    } else if (heap->is_parked) {
        *bytes += lmm_heap_trim(heap);
    } else if (heap != lmm_thread_open.heap) {
        *bytes += lmm_heap_reap(heap, true);
        lmm_store_relaxed(&heap->trim_wanted, true);
    }
}

size_t lmm_thread_trim(void)
{
    struct lmm_heap *heap = lmm_thread_enter();

    lmm_foreign_flush(heap);
    lmm_cache_flush(heap);
    size_t bytes = lmm_heap_trim(heap);
    lmm_thread_leave(heap);
    lmm_thread_for_each_heap(trim_heap, &bytes);
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        bytes += lmm_runs_trim(&lmm_families_at(i)->runs);
    }
    bytes += lmm_reservoir_empty();
    lmm_accounts_note_memory();
    return bytes;
}
