/* SPDX-License-Identifier: MIT */
/*
 * growth: which sites of a process grow steadily, as a leak does, from many readings of its ledger.
 * Only the shape of the growth is tested; docs/man/lmm-watch.1.scd has the definition for users.
 *
 * steady.h says when a series of moments is steady.
 *
 * Memory is bounded: LMM_GROWTH_MOMENTS_MAX values for each site that ever changed. When all are
 * used, each pair of moments becomes one, so that a moment spans several readings. Its value is
 * their minimum: a leak raises the minimum, a cache that fills and empties does not.
 *
 * Invariants (checked by assert in lmm_growth_add()):
 *   I1  every moment spans `stride` readings, except the last one, which may span fewer
 *   I2  a site without values of its own has had the value `constant` at every moment (not checked)
 *
 * Time is the caller's, so that tests can set it.
 */
#ifndef LMM_PROGRAM_GROWTH_H
#define LMM_PROGRAM_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/history/steady.h"

struct lmm_growth;
struct lmm_model;
struct lmm_model_site;

enum {
    LMM_GROWTH_MOMENTS_MIN = LMM_STEADY_MOMENTS_MIN,
    LMM_GROWTH_MOMENTS_MAX = 128,
};

/* A site that grows steadily. */
struct lmm_growing {
    const struct lmm_model_site *site; /* of the model given to lmm_growth_steady() */
    uint64_t bytes_per_hour;
    uint64_t first_bytes; /* at the first moment */
};

/* Returns a growth without readings, to be freed with lmm_growth_free(); NULL: out of memory. */
struct lmm_growth *lmm_growth_new(void);
void lmm_growth_free(struct lmm_growth *growth);

/*
 * Adds a reading of the process, taken at time_ns, which is later than that of the reading before.
 * All readings must be of one process: sites are identified by their id. Returns false when memory
 * ran out.
 */
bool lmm_growth_add(struct lmm_growth *growth, const struct lmm_model *model, uint64_t time_ns);

/* Returns the number of moments. */
size_t lmm_growth_moments(const struct lmm_growth *growth);

/* Lists the sites of model, the last one added, that grow steadily, the fastest first.
 * Returns their number and sets *ret_growing, to be freed; SIZE_MAX: out of memory. */
size_t lmm_growth_steady(const struct lmm_growth *growth, const struct lmm_model *model,
                         struct lmm_growing **ret_growing);

#endif
