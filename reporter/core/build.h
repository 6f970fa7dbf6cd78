/* SPDX-License-Identifier: MIT */
/*
 * build: reads a ledger once, checks it, sums its counters, and makes a model of it.
 *
 * The ledger may be the books of this very process, written to by other threads meanwhile, or a
 * file that anybody may have damaged. So it is treated as hostile: books.h checks its structure,
 * and every index and size in a record is read once and checked before it is used.
 *
 * Nothing here allocates: the model lives in scratch memory that the caller brings.
 *
 * Locks: none are taken. Not responsible for keeping the ledger's gauges up to date (the writer
 * does that) nor for chunk pointers: each must point at a chunk that is readable to its end.
 */
#ifndef LMM_REPORTER_BUILD_H
#define LMM_REPORTER_BUILD_H

#include <stddef.h>

struct lmm_ledger_view;
struct lmm_model;

/*
 * Returns how much scratch memory a model of view needs, with some room for families and sites that
 * other threads add meanwhile. view may be damaged: the answer is then bounded, and the build
 * fails.
 */
size_t lmm_model_bytes(const struct lmm_ledger_view *view);

/*
 * Builds the model of view in scratch, and sets *ret_model to it; namer and shown_calls are left to the
 * caller. The model lies inside scratch and refers to the ledger's header and STRINGS chunks, so the
 * caller keeps these as long as the model is used; the view itself and all other chunks may go.
 * Returns 0; -EINVAL when the ledger is damaged; -ENOTSUP when it is of another version; -ENOSPC when
 * scratch is too small: the ledger has grown, so ask lmm_model_bytes() again.
 * Threads: any, while others write the ledger's counters, gauges and new records.
 * Cost: one pass over all rows, and sorting the sites.
 */
int lmm_model_build(const struct lmm_ledger_view *view, void *scratch, size_t scratch_bytes,
                    struct lmm_model **ret_model);

#endif
