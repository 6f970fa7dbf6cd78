/* SPDX-License-Identifier: MIT */
#include "lib/leaks/old_pages.h"

static bool is_same(const struct lmm_old_page *old, const struct lmm_graph_page *page)
{
    return old->slots == page->slots && old->stride == page->stride &&
           old->family == page->family && old->kind == page->kind;
}

const struct lmm_old_page *lmm_old_page_find(const struct lmm_old_page *pages, size_t count,
                                             const struct lmm_graph_page *page)
{
    size_t from = 0;
    size_t to = count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct lmm_old_page *old = &pages[middle];
        if (old->base == page->base) {
            return is_same(old, page) ? old : NULL;
        }
        if (old->base < page->base) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}
