/* SPDX-License-Identifier: MIT */
/*
 * old_pages: pages as they were at an earlier moment, so that what was kept of their slots is found again.
 *
 * Owns nothing. Invariant I1: a list of them is in ascending order of address (the order of a graph).
 * Async-signal-safe; takes no lock. Not responsible for: what is kept of a slot (since, confirm).
 */
#ifndef LMM_OLD_PAGES_H
#define LMM_OLD_PAGES_H

#include "lib/leaks/graph.h"

struct lmm_old_page {
    uintptr_t base;
    size_t first; /* where its slots' data begin, counted as the list's owner does */
    uint32_t slots;
    uint32_t stride;
    uint16_t family;
    uint8_t kind;
};

static inline struct lmm_old_page lmm_old_page_of(const struct lmm_graph_page *page, size_t first)
{
    return (struct lmm_old_page) {.base = page->base,
                                  .first = first,
                                  .slots = page->slots,
                                  .stride = page->stride,
                                  .family = page->family,
                                  .kind = page->kind};
}

/* What the list has of the page; NULL when it was not there, or had other slots. O(log count). */
const struct lmm_old_page *lmm_old_page_find(const struct lmm_old_page *pages, size_t count,
                                             const struct lmm_graph_page *page);

#endif
