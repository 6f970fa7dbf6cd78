/* SPDX-License-Identifier: MIT */
#include "tests/property/api/internals.h"

#include "lib/pages/family.h"
#include "lib/heaps/heap.h"
#include "lib/heaps/thread.h"

static void visit_heap(struct lmm_heap *heap, void *arg)
{
    const char **complaint = arg;
    lmm_lock_acquire(heap->lock);
    if (!lmm_heap_is_valid(heap)) {
        *complaint = "a heap is not valid";
    }
    lmm_lock_release(heap->lock);
}

const char *internals_complaint(void)
{
    const char *complaint = NULL;
    lmm_thread_for_each_heap(visit_heap, &complaint);
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        struct lmm_runs *runs = &lmm_families_at(i)->runs;
        lmm_lock_acquire(&runs->lock);
        if (!lmm_runs_are_valid_locked(runs)) {
            complaint = "a family's runs are not valid";
        }
        lmm_lock_release(&runs->lock);
    }
    return complaint;
}
