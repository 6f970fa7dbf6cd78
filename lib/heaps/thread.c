/* SPDX-License-Identifier: MIT */
#include "lib/heaps/thread.h"

#include "lib/heaps/cache.h"
#include "lib/heaps/foreign.h"
#include "lib/heaps/magazine.h"
#include "lib/ground/tools.h"
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/signals.h"
#include "lib/ground/system.h"
#include "lib/heaps/tracer.h"
#include "lib/ground/reservoir.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

/* What a thread without a heap has for open.limit_in_parent, and one whose sites are closed. */
static uint32_t no_sites;

_Thread_local struct lmm_open lmm_thread_open = {.limit_in_parent = &no_sites,
                                                 .magazines = &lmm_no_magazines};

/* How often the destructor of the key has run for this thread. */
static _Thread_local unsigned rounds __attribute__((tls_model("initial-exec")));

/* True once this thread's heap was parked for good. */
static _Thread_local bool has_departed __attribute__((tls_model("initial-exec")));

/* How many calls of this thread went to the shared heap, because it had no heap yet. */
static _Thread_local unsigned shared_calls __attribute__((tls_model("initial-exec")));

unsigned lmm_thread_shared_calls = LMM_THREAD_SHARED_CALLS;

_Thread_local unsigned lmm_thread_ignores;

struct lmm_lock lmm_heaps_lock = LMM_LOCK_INIT(LMM_RANK_HEAPS);
struct lmm_lock lmm_shared_heap_lock = LMM_LOCK_INIT(LMM_RANK_SHARED);

/* Under HEAPS; `shared` and `key` are fixed once LMM has started. */
static struct {
    struct lmm_heap *first;
    struct lmm_heap *parked; /* atomic; parked last, so its memory is most likely cached */
    struct lmm_heap *shared;
    size_t parked_bytes; /* thread.h, I3 */
    uint32_t count;
    bool has_key;
    pthread_key_t key; /* its destructor parks a heap */
    void (*settle_child)(void);
} threads;

enum { UNSETTLED = 0, SETTLED = 1, BEING_SETTLED = 2 };

static uint32_t settled_before_start = SETTLED;
uint32_t *lmm_thread_settled = &settled_before_start;

static inline bool takes_stacks(void)
{
    return LMM_DROP_IN && lmm_options.stack_frames != 0;
}

/* ---- Forked children ------------------------------------------------------------------------- */

/* Where the kernel does not wipe it, or without memory, the word is ordinary memory: then only fork's
 * handlers change it. */
static void place_settled(void)
{
    uint32_t *word = lmm_meta_alloc(&lmm_arena_wiped, sizeof(*word));

    if (word != NULL) {
        lmm_store_relaxed(word, (uint32_t) SETTLED);
        lmm_store_release(&lmm_thread_settled, word); /* other threads may read it already */
    }
}

bool lmm_thread_unsettle(void)
{
    if (threads.settle_child == NULL) {
        return false;
    }
    lmm_store_relaxed(lmm_thread_settled, (uint32_t) UNSETTLED); /* the child's only thread */
    return true;
}

static LMM_COLD void settle(void)
{
    uint64_t signals = lmm_signals_block();
    uint32_t found = UNSETTLED;

    if (lmm_compare_exchange_acq_rel(lmm_thread_settled, &found, (uint32_t) BEING_SETTLED)) {
        int saved_errno = errno;
        threads.settle_child();
        errno = saved_errno;
        lmm_store_release(lmm_thread_settled, (uint32_t) SETTLED);
    }
    while (!lmm_thread_is_settled()) {
        lmm_system_sleep_us(100); /* another thread of the child is doing it */
    }
    lmm_signals_restore(signals);
}

void lmm_thread_settle(void)
{
    if (LMM_UNLIKELY(!lmm_thread_is_settled())) {
        settle();
    }
}

bool lmm_thread_is_alone(void)
{
    return lmm_load_relaxed(&threads.count) <= 2; /* the shared heap, and the caller's */
}

/* ---- Heaps ------------------------------------------------------------------------------------ */

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
    lmm_store_relaxed(&threads.count, threads.count + 1);
    heap->next = threads.first;
    lmm_store_release(&threads.first, heap);
    return heap;
}

/* Gives the cached runs of a parked heap back. */
static void flush_parked_locked(struct lmm_heap *heap)
{
    LMM_CHECK(lmm_lock_is_held(&lmm_heaps_lock) && heap->is_parked);
    lmm_cache_flush(heap);
    threads.parked_bytes -= heap->parked_bytes;
    heap->parked_bytes = 0;
}

static void flush_if_parked(struct lmm_heap *heap, void *arg)
{
    (void) arg;
    if (heap->is_parked) {
        flush_parked_locked(heap);
    }
}

void lmm_thread_park_locked(struct lmm_heap *heap)
{
    LMM_CHECK(lmm_lock_is_held(&lmm_heaps_lock));
    if (!heap->is_parked) {
        heap->is_parked = true;
        heap->parked_bytes = lmm_cache_bytes(heap);
        threads.parked_bytes += heap->parked_bytes;
        if (threads.parked_bytes > LMM_PARKED_BYTES) {
            flush_parked_locked(heap);
        }
        heap->next_parked = threads.parked;
        lmm_store_relaxed(&threads.parked, heap);
    }
    lmm_heap_set_idle(heap, true);
}

void lmm_thread_forget_cache_locked(struct lmm_heap *heap)
{
    lmm_cache_forget(heap);
    threads.parked_bytes -= heap->parked_bytes;
    heap->parked_bytes = 0;
}

static void park(struct lmm_heap *heap)
{
    lmm_lock_acquire(&lmm_heaps_lock);
    lmm_thread_park_locked(heap);
    lmm_lock_release(&lmm_heaps_lock);
}

/* Takes a heap that is parked; NULL: none is. */
static struct lmm_heap *unpark_locked(void)
{
    struct lmm_heap *heap = threads.parked;

    if (heap != NULL) {
        LMM_CHECK(heap->parked_bytes == lmm_cache_bytes(heap));
        lmm_store_relaxed(&threads.parked, heap->next_parked);
        threads.parked_bytes -= heap->parked_bytes;
        heap->parked_bytes = 0;
        heap->is_parked = false;
        lmm_cache_close_limited(heap);
        lmm_heap_set_idle(heap, false);
    }
    return heap;
}

/* Whether a thread without a heap should work on the shared one for now: none is parked, and the thread
 * has made few calls. The first thread gets a heap at once. */
static bool can_wait(void)
{
    return shared_calls < lmm_thread_shared_calls && lmm_load_relaxed(&threads.parked) == NULL &&
           lmm_load_relaxed(&threads.count) > 1 && !takes_stacks();
}

/* NULL: there is no memory, or another thread has just taken the heap that was parked and this one can wait. */
static struct lmm_heap *adopt(void)
{
    lmm_lock_acquire(&lmm_heaps_lock);
    struct lmm_heap *heap = unpark_locked();
    if (heap == NULL && !can_wait()) {
        heap = add_heap_locked(false);
    }
    if (heap != NULL && heap->tracer != NULL) {
        heap->tracer->state = LMM_TRACER_NEW;
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

/* The thread ends: its heap is put in order for the thread that adopts it. Destructors of other
 * keys may run later and use the heap, so this one waits until the last but one of libc's rounds.
 * In the last round the sanitizers end their own records of the thread. */
static void depart(void *arg)
{
    struct lmm_heap *heap = arg;

    rounds++;
    if (rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1 && pthread_setspecific(threads.key, heap) == 0) {
        return;
    }
    lmm_thread_settle();
    has_departed = true;
    lmm_thread_open =
        (struct lmm_open) {.limit_in_parent = &no_sites, .magazines = &lmm_no_magazines};
    lmm_magazines_flush(heap);
    lmm_foreign_flush(heap);
    lmm_heap_settle(heap);
    lmm_heap_give_rows(heap);
    park(heap);
}

bool lmm_thread_prepare_locked(void (*settle_child)(void))
{
    if (threads.settle_child == NULL) {
        place_settled();
        threads.settle_child = settle_child;
    }
    threads.has_key = threads.has_key || pthread_key_create(&threads.key, depart) == 0;
    LMM_CHECK(lmm_lock_is_held(&lmm_heaps_lock));
    if (threads.shared == NULL) {
        threads.shared = add_heap_locked(true);
        if (threads.shared != NULL) {
            lmm_heap_set_idle(threads.shared, true); /* it may not be used for long */
        }
    }
    return threads.has_key && threads.shared != NULL;
}

struct lmm_heap *lmm_thread_heaps(void)
{
    return lmm_load_acquire(&threads.first);
}

struct lmm_heap *lmm_thread_enter(void)
{
    struct lmm_heap *heap = lmm_thread_open.heap;

    lmm_thread_settle();
    if (heap == NULL && !has_departed) {
        if (!can_wait()) {
            heap = adopt();
        }
        if (heap == NULL) {
            shared_calls++;
        }
    }
    if (heap == NULL) {
        lmm_lock_acquire(&lmm_shared_heap_lock);
        heap = threads.shared;
    }
    return heap;
}

void lmm_thread_close_sites(void)
{
    lmm_open_set_first_limit(&lmm_thread_open, 0);
    lmm_thread_open.limit_in_parent = &no_sites;
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
    /* A signal handler may fork here; in its child the fast paths stay closed. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (lmm_tools_active || takes_stacks() || lmm_thread_ignores != 0 || !lmm_thread_is_settled()) {
        lmm_thread_close_sites();
    } else {
        *heap->open.limit_in_parent = heap->open.first_limit;
    }
}

void lmm_thread_ignore_begin(void)
{
    lmm_thread_ignores++;
    lmm_thread_close_sites();
}

/* The next call on the slow path opens the sites again. */
void lmm_thread_ignore_end(void)
{
    if (lmm_thread_ignores != 0) {
        lmm_thread_ignores--;
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
        lmm_magazines_flush(heap);
        lmm_foreign_flush(heap);
        lmm_cache_flush(heap);
        lmm_heap_tidy(heap);
        lmm_thread_for_each_heap(flush_if_parked, NULL);
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
        flush_parked_locked(heap);
        *bytes += lmm_heap_trim(heap);
    } else if (heap != lmm_thread_open.heap) {
        *bytes += lmm_heap_reap(heap, true);
        lmm_store_relaxed(&heap->trim_wanted, true);
    }
}

size_t lmm_thread_trim(void)
{
    struct lmm_heap *heap = lmm_thread_enter();

    lmm_magazines_flush(heap);
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
