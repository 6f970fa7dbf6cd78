/* SPDX-License-Identifier: MIT */
/*
 * growth: which sites of a process grow steadily, which is a leak's shape, from many readings of its
 * ledger. Steady is a test of shape alone; docs/man/lmm-watch.1.scd has the definition for users.
 *
 * A series of moments is steady when
 *   - it has at least LMM_GROWTH_MOMENTS_MIN of them;
 *   - it rises nearly always: of all pairs of moments, those where the later value is higher, less those
 *     where it is lower, are at least 80 % (a step, a sawtooth or noise has fewer; a slow leak whose
 *     stairs are short beside the whole passes);
 *   - it still rises: the same over the last third is at least 50 %, and the last third's rate is at
 *     least a quarter of the whole's (a warm-up that levels off fails here).
 * Rates are slopes of least squares.
 *
 * Memory is bounded: LMM_GROWTH_MOMENTS_MAX values for each site that ever changed. When they are all used,
 * pairs of moments become one, so that a moment spans several readings. Its value is the lowest of
 * them: the floor is what a leak raises, and what a cache that fills and empties does not.
 *
 * Invariants:
 *   I1  moments are evenly many readings apart, but for the last one, which may span fewer
 *   I2  a site without values of its own has been at `constant` at every moment
 *
 * Locks: none. Time is the caller's, so that tests can set it.
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
    const struct lmm_model_site *site; /* of the model that was asked about */
    uint64_t bytes_per_hour;
    uint64_t first_bytes; /* at the first moment */
};

/* Returns a growth without readings, to be freed with lmm_growth_free(); NULL: out of memory. */
struct lmm_growth *lmm_growth_new(void);
void lmm_growth_free(struct lmm_growth *growth);

/*
 * Adds a reading of the process, taken at time_ns, which is later than that of all before. All readings
 * must be of one process: sites are known again by their id. Returns false when memory ran out.
 */
bool lmm_growth_add(struct lmm_growth *growth, const struct lmm_model *model, uint64_t time_ns);

/* Returns how many moments there are. */
size_t lmm_growth_moments(const struct lmm_growth *growth);

/*
 * Lists the sites of model, which is the last one added, that grow steadily: the fastest first.
 * Returns their number and sets *ret_growing, to be freed; SIZE_MAX: out of memory.
 */
size_t lmm_growth_steady(const struct lmm_growth *growth, const struct lmm_model *model,
                         struct lmm_growing **ret_growing);

/*
 * Returns whether count values, at times that go up, grow steadily; *ret_bytes_per_second, which may be
 * NULL, is then set to the rate. Cost: the square of count.
 */
bool lmm_growth_is_steady(const uint64_t *times_ns, const uint64_t *values, size_t count,
                          double *ret_bytes_per_second);

#endif
