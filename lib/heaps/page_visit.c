/* SPDX-License-Identifier: MIT */
#include "lib/heaps/page_visit.h"

#include "lib/heaps/foreign.h"
#include "lib/heaps/heap.h"
#include "lib/heaps/thread.h"
#include "lib/pages/family.h"

/* Visits a page, unless it ends before its lock is taken. Then another family, under another lock,
 * can begin a page here while this one is read: so even with the lock, these are atomic loads. */
static int visit_page(struct lmm_page *page, void *arg)
{
    const struct lmm_page_visitor *visitor = arg;
    uint8_t kind = lmm_load_acquire(&page->kind);
    uint16_t family = lmm_load_relaxed(&page->family);
    struct lmm_heap *owner = lmm_load_relaxed(&page->owner);
    uintptr_t end = (uintptr_t) lmm_page_base(page) +
                    (uintptr_t) lmm_load_relaxed(&lmm_page_facts(page)->units) * LMM_UNIT_BYTES;
    int result = 0;

    if (kind == LMM_PAGE_NONE || kind == LMM_PAGE_FOLLOW || end <= visitor->from ||
        (kind == LMM_PAGE_SLOTS && owner == NULL) ||
        (visitor->family != NULL && family != visitor->family->index)) {
        return 0;
    }
    struct lmm_lock *lock =
        kind == LMM_PAGE_SLOTS ? owner->lock : &lmm_families_at(family)->runs.lock;
    lmm_lock_acquire(lock);
    if (lmm_load_acquire(&page->kind) == kind && lmm_load_relaxed(&page->owner) == owner &&
        lmm_load_relaxed(&page->family) == family) {
        if (kind == LMM_PAGE_SLOTS) {
            lmm_foreign_mark_batches(lmm_thread_heaps(), page);
        }
        result = visitor->visit(page, visitor->arg);
    }
    lmm_lock_release(lock);
    return result;
}

int lmm_pages_visit(const struct lmm_page_visitor *visitor)
{
    struct lmm_page_visitor own = *visitor;

    return lmm_page_for_each(visit_page, &own);
}
