/* SPDX-License-Identifier: MIT */
#include "reporter/program/history/steady.h"

#include <assert.h>

enum {
    RISING_PERMILLE = 800,      /* of all moments */
    RISING_LAST_PERMILLE = 500, /* of the last third */
    SLOWDOWN_MAX = 4,           /* of the last third's rate against the whole's */
    SECONDS_PER_HOUR = 3600,
};

static const double NS_PER_SECOND = 1e9;

/* Returns (rising pairs - falling pairs) / all pairs, in thousandths. */
static int64_t rising_permille(const uint64_t *values, size_t count)
{
    int64_t balance = 0;
    int64_t pairs = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = i + 1; k < count; k++) {
            balance += (values[k] > values[i]) - (values[k] < values[i]);
            pairs++;
        }
    }
    return pairs == 0 ? 0 : balance * 1000 / pairs;
}

/* Returns the slope of least squares, in units a second. */
static double rate(const uint64_t *times_ns, const uint64_t *values, size_t count)
{
    double time_mean = 0;
    double value_mean = 0;
    double product = 0;
    double square = 0;

    for (size_t i = 0; i < count; i++) {
        time_mean += (double) (times_ns[i] - times_ns[0]) / NS_PER_SECOND / (double) count;
        value_mean += (double) values[i] / (double) count;
    }
    for (size_t i = 0; i < count; i++) {
        double time = (double) (times_ns[i] - times_ns[0]) / NS_PER_SECOND - time_mean;

        product += time * ((double) values[i] - value_mean);
        square += time * time;
    }
    return square > 0 ? product / square : 0;
}

bool lmm_is_steady(const uint64_t *times_ns, const uint64_t *values, size_t count,
                   double *ret_bytes_per_second)
{
    size_t third = count / 3;
    const uint64_t *last = values + (count - third);
    double whole_rate;

    assert(count == 0 || times_ns[count - 1] >= times_ns[0]);
    if (count < LMM_STEADY_MOMENTS_MIN || rising_permille(values, count) < RISING_PERMILLE ||
        rising_permille(last, third) < RISING_LAST_PERMILLE) {
        return false;
    }
    whole_rate = rate(times_ns, values, count);
    if (whole_rate <= 0 ||
        rate(times_ns + (count - third), last, third) * SLOWDOWN_MAX < whole_rate) {
        return false;
    }
    if (ret_bytes_per_second != NULL) {
        *ret_bytes_per_second = whole_rate;
    }
    return true;
}

uint64_t lmm_steady_per_hour(double bytes_per_second)
{
    double bytes = bytes_per_second * SECONDS_PER_HOUR + 0.5;

    return bytes < (double) INT64_MAX ? (uint64_t) bytes : INT64_MAX;
}
