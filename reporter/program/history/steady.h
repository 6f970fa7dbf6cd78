/* SPDX-License-Identifier: MIT */
/*
 * steady: whether a series of values over time grows steadily, as a leak does. Only the shape of the growth is
 * tested; docs/man/lmm-watch.1.scd has the definition for users. Stateless.
 *
 * A series is steady when
 *   - it has at least LMM_STEADY_MOMENTS_MIN moments;
 *   - it rises nearly always: the pairs of moments whose later value is higher, minus those whose
 *     later value is lower, are at least 80 % of all pairs (a step, a sawtooth or noise has fewer;
 *     a slow leak passes whose steps are short compared with the whole time);
 *   - it still rises: the same number for the last third is at least 50 %, and the rate of the last
 *     third is at least a quarter of the whole rate (a warm-up that levels off fails here).
 * Rates are slopes of least squares.
 */
#ifndef LMM_PROGRAM_STEADY_H
#define LMM_PROGRAM_STEADY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LMM_STEADY_MOMENTS_MIN = 12 };

/* Returns whether count values, at times that go up, grow steadily; *ret_bytes_per_second, which
 * may be NULL, is then set to the rate. Cost: the square of count. */
bool lmm_is_steady(const uint64_t *times_ns, const uint64_t *values, size_t count,
                   double *ret_bytes_per_second);

/* Returns a rate in bytes an hour, rounded, at most INT64_MAX. */
uint64_t lmm_steady_per_hour(double bytes_per_second);

#endif
