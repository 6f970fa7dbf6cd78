/* SPDX-License-Identifier: MIT */
/*
 * build: reads a ledger once, checks it, sums its counters, and makes a model of it.
 *
 * The ledger may be that of this process, which other threads write at the same time, or a file
 * that somebody has damaged. So it is treated as hostile: books.h checks its structure, and every
 * index and size in a record is read once and checked before it is used.
 *
 * Nothing here allocates: the model lies in scratch memory that the caller provides.
 *
 * Locks: none are taken. Not responsible for the ledger's gauges (the writer updates them) nor for
 * chunk pointers: each must point at a chunk that is readable to its end.
 */
#ifndef LMM_REPORTER_BUILD_H
#define LMM_REPORTER_BUILD_H

#include <stddef.h>

struct lmm_ledger_view;
struct lmm_model;

/*
 * Returns the bytes of scratch memory that a model of view needs, with some room for families and
 * sites that other threads add before it is built. view may be damaged: then the result is bounded,
 * and the build fails.
 */
size_t lmm_model_bytes(const struct lmm_ledger_view *view);

/*
 * Builds the model of view in scratch, and sets *ret_model to it; the caller sets namer and
 * shown_calls. The model lies inside scratch and refers to the ledger's header and STRINGS chunks,
 * which must live as long as the model; the view itself and all other chunks need not. Returns 0;
 * -EINVAL when the ledger is damaged; -ENOTSUP when it is of another version; -ENOSPC when scratch
 * is too small because the ledger has grown: call lmm_model_bytes() again. Threads: any, while
 * others write the ledger's counters, gauges and new records. Cost: one pass over all rows, and
 * sorting the sites.
 */
int lmm_model_build(const struct lmm_ledger_view *view, void *scratch, size_t scratch_bytes,
                    struct lmm_model **ret_model);

#endif
