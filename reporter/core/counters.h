/* SPDX-License-Identifier: MIT */
/*
 * counters: the sums of a ledger's counters over all owners, and its peaks, while others write
 * them.
 *
 * Locks: none. Stateless.
 */
#ifndef LMM_REPORTER_COUNTERS_H
#define LMM_REPORTER_COUNTERS_H

struct lmm_books;
struct lmm_model;

/*
 * Sets the allocations, frees, slots, temporaries and peaks of the model's sites, which are in the
 * order of the ledger; the model's peak; and whether it is settled. The figures derived from these
 * are not set (lmm_model_define()). Threads: any, while others write the counters. The counters are
 * loaded with acquire order, freed before allocated (I5 of ledger.h); the writer stores them with
 * release order.
 */
void lmm_counters_read(const struct lmm_books *books, struct lmm_model *model);

#endif
