/* SPDX-License-Identifier: MIT */
/*
 * counters: the sums of a ledger's counters over all owners, and its peaks, while others write them.
 *
 * Locks: none. Stateless.
 */
#ifndef LMM_REPORTER_COUNTERS_H
#define LMM_REPORTER_COUNTERS_H

struct lmm_books;
struct lmm_model;

/*
 * Sets the allocations, frees, slots, temporaries and peaks of the model's sites, which stand in the order of
 * the ledger, as sums that nothing was made of yet; its own peak; and whether it is settled.
 */
void lmm_counters_read(const struct lmm_books *books, struct lmm_model *model);

#endif
