/* SPDX-License-Identifier: MIT */
/*
 * page_walks: the results of walks over the pages in the ledger.
 *
 * Owns the ledger's PAGES records and the header's page walks, each of two turns. A result fills in the turn
 * that readers do not use, and then becomes the valid one, as a leak check's does (checks.h).
 *
 * Invariants (tests/unit/lib/test_page_walks.c): I1 the records of the valid turn are complete. I2 a forked
 * child starts without a walk (chunks.h).
 * Locks: LEDGER, inside. Not responsible for: how pages are walked (leaks/page_walk).
 */
#ifndef LMM_PAGE_WALKS_H
#define LMM_PAGE_WALKS_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/*
 * Writes the result of a walk: of the uses, by site, those that have blocks; walk->records is set here.
 * uses: NULL when the walk failed. True; or false with errno ENOMEM: then the walk is in the books as one
 * that failed, without records. Any thread, with no lock of LMM held. LMM has started.
 */
bool lmm_page_walks_write(const struct lmm_ledger_page_walk *walk,
                          const struct lmm_ledger_page_use *uses, uint32_t count);

/* The last walk that was written; all zero when there was none. */
struct lmm_ledger_page_walk lmm_page_walks_last(void);

#endif
