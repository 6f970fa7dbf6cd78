/* SPDX-License-Identifier: MIT */
/*
 * page_uses: reads the last walk over the pages of a ledger: how full the system pages are that hold each
 * site's blocks. The records are checked like all others: a site that cannot be, sites that do not ascend, and
 * figures that are more than what they are a part of are damage.
 *
 * Locks: none are taken. The valid one of the two turns is read between two loads of the number of walks, and
 * again when that has changed. When it changes during each try, the model has no walk.
 */
#ifndef LMM_REPORTER_PAGE_USES_H
#define LMM_REPORTER_PAGE_USES_H

#include <stddef.h>

struct lmm_books;
struct lmm_model;
struct lmm_model_page_use;

/* Returns how many records the larger turn has. */
size_t lmm_page_uses_records(const struct lmm_books *books);

/* Reads the walk into the model, whose sites are in the order of their ids. room: for as many uses. Records of
 * sites that the model does not have, because they are newer, count in the walk's figures only. Returns 0;
 * -EINVAL when the ledger is damaged; -ENOSPC when there is too little room. */
int lmm_page_uses_read(const struct lmm_books *books, struct lmm_model_page_use *room, size_t count,
                       struct lmm_model *model);

#endif
