/* SPDX-License-Identifier: MIT */
/*
 * growth: which sites of a process grow steadily, as a leak does, from many readings of its ledger.
 * Only the shape of the growth is tested; docs/man/lmm-watch.1.scd has the definition for users.
 *
 * A series of moments is steady when
 *   - it has at least LMM_GROWTH_MOMENTS_MIN of them;
 *   - it rises nearly always: the pairs of moments whose later value is higher, minus those whose
 *     later value is lower, are at least 80 % of all pairs (a step, a sawtooth or noise has fewer;
 *     a slow leak passes whose steps are short compared with the whole time);
 *   - it still rises: the same number for the last third is at least 50 %, and the rate of the last
 *     third is at least a quarter of the whole rate (a warm-up that levels off fails here).
 * Rates are slopes of least squares.
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

struct lmm_growth;
struct lmm_model;
struct lmm_model_site;

enum {
    LMM_GROWTH_MOMENTS_MIN = 12,
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

/* Returns whether count values, at times that go up, grow steadily; *ret_bytes_per_second, which
 * may be NULL, is then set to the rate. Cost: the square of count. */
bool lmm_growth_is_steady(const uint64_t *times_ns, const uint64_t *values, size_t count,
                          double *ret_bytes_per_second);

#endif
