/* SPDX-License-Identifier: MIT */
/*
 * page_visit: all pages, one after the other, each under the lock that guards its contents.
 *
 * Owns nothing. Locks: HEAP of a slot page's owner, or RUNS of the family, taken inside, one page at a time.
 * The fast paths of a slot page's owner take no lock: tags change while such a page is visited.
 */
#ifndef LMM_PAGE_VISIT_H
#define LMM_PAGE_VISIT_H

#include "lib/ground/base.h"
#include "lib/pages/page.h"

struct lmm_family;

struct lmm_page_visitor {
    uintptr_t from;                  /* pages that end after it */
    const struct lmm_family *family; /* its pages; NULL: all */
    int (*visit)(const struct lmm_page *page, void *arg);
    void *arg;
};

/* Calls visit in the order of addresses until it returns non-zero; returns what it returned last, or 0. Any
 * thread that is settled, with no lock of LMM held. */
int lmm_pages_visit(const struct lmm_page_visitor *visitor);

#endif
