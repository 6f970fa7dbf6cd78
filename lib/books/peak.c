/* SPDX-License-Identifier: MIT */
#include "lib/books/peak.h"

#include "lib/books/accounts.h"
#include "lib/ground/system.h"

#include <errno.h>
#include <time.h>

enum {
    PEAK_STEP = 100,       /* a peak is recorded when the sum exceeds the last by 1/PEAK_STEP, */
    PEAK_STEP_BYTES = 256, /* and by this many bytes */
    PENDING_PART = 1024,   /* lmm_peak_step() is this part of the last peak */
    FALL_PART = 200,       /* late: a peak is recorded when the sum is 1/FALL_PART below it */
    BUDGET_PART = 50,
    SKIPS = 64, /* so many additions do not ask the clock after one found the budget used up */
};

static struct {
    int64_t bytes __attribute__((aligned(LMM_CACHE_LINE_BYTES)));
    int64_t top;    /* late: the largest sum, if it is a new peak and not recorded yet; else 0 */
    uint32_t skips; /* threads may lose each other's counts of it */
    /* A larger sum is a new peak. In its own line, as it is read more than written. */
    int64_t next_peak __attribute__((aligned(LMM_CACHE_LINE_BYTES)));
    uint64_t start_ns; /* when the first peak was recorded */
    uint64_t spent_ns; /* processor time of all recordings */
} live;

uint64_t lmm_peak_budget_ns = 10000000;

/* Written once, while there is one thread. */
static bool is_late;

void lmm_peak_record_late(void)
{
    is_late = true;
}

/* Whether recordings have taken so little time that there may be another. */
static bool may_record(void)
{
    uint64_t start_ns = lmm_load_relaxed(&live.start_ns);
    uint64_t spent_ns = lmm_load_relaxed(&live.spent_ns);

    if (spent_ns <= lmm_peak_budget_ns) {
        return true;
    }
    uint32_t skips = lmm_load_relaxed(&live.skips);
    if (skips != 0) {
        lmm_store_relaxed(&live.skips, skips - 1);
        return false;
    }
    uint64_t now_ns = lmm_system_clock_ns(CLOCK_MONOTONIC);
    bool is_affordable = spent_ns - lmm_peak_budget_ns <= (now_ns - start_ns) / BUDGET_PART;
    lmm_store_relaxed(&live.skips, is_affordable ? 0U : (uint32_t) SKIPS);
    return is_affordable;
}

/* Preserves errno: a free may come here. sum: as lmm_accounts_take_peak(), and what is returned. */
static uint64_t record(uint64_t sum)
{
    int saved_errno = errno;
    uint64_t before_ns = lmm_system_clock_ns(CLOCK_THREAD_CPUTIME_ID);

    if (lmm_load_relaxed(&live.start_ns) == 0) {
        lmm_store_relaxed(&live.start_ns, lmm_system_clock_ns(CLOCK_MONOTONIC));
    }
    uint64_t recorded = lmm_accounts_take_peak(sum);
    lmm_fetch_add_relaxed(&live.spent_ns, lmm_system_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns);
    errno = saved_errno;
    return recorded;
}

/* The sum that is the next peak, after a peak. */
static int64_t next_after(int64_t peak)
{
    return peak + (peak / PEAK_STEP > PEAK_STEP_BYTES ? peak / PEAK_STEP : PEAK_STEP_BYTES);
}

/* Records a peak, unless another thread has recorded a higher one meanwhile. */
static LMM_NOINLINE void pass_peak(int64_t sum)
{
    int64_t next = lmm_load_relaxed(&live.next_peak);

    if (!may_record()) {
        return;
    }
    do {
        if (sum <= next) {
            return;
        }
    } while (!lmm_compare_exchange_acq_rel(&live.next_peak, &next, next_after(sum)));
    record((uint64_t) sum);
}

/* Records what lives, which has begun to be less than the top. */
static LMM_NOINLINE void leave_top(int64_t top, int64_t sum)
{
    int64_t next = lmm_load_relaxed(&live.next_peak);

    if (!may_record()) {
        lmm_store_relaxed(&live.top, sum > next ? sum : 0);
        return;
    }
    if (!lmm_compare_exchange_acq_rel(&live.top, &top, 0)) {
        return; /* another thread does it */
    }
    int64_t after = next_after((int64_t) record(LMM_PEAK_OF_SITES));
    while (after > next && !lmm_compare_exchange_acq_rel(&live.next_peak, &next, after)) {
    }
}

/* Notes the sum for a late recording. */
static inline void follow(int64_t sum)
{
    int64_t top = lmm_load_relaxed(&live.top);

    if (sum > top) {
        if (sum > lmm_load_relaxed(&live.next_peak)) {
            lmm_store_relaxed(&live.top, sum); /* threads may lose each other's */
        }
    } else if (sum < top - top / FALL_PART) {
        leave_top(top, sum);
    }
}

uint64_t lmm_peak_step(void)
{
    int64_t next = lmm_load_relaxed(&live.next_peak);
    int64_t top = lmm_load_relaxed(&live.top);

    return (uint64_t) (next > top ? next : top) / PENDING_PART;
}

int64_t lmm_peak_add(int64_t bytes)
{
    int64_t sum = lmm_fetch_add_relaxed(&live.bytes, bytes) + bytes;

    if (is_late) {
        follow(sum);
    } else if (sum > lmm_load_relaxed(&live.next_peak)) {
        pass_peak(sum);
    }
    return lmm_load_relaxed(&live.next_peak) - sum;
}

void lmm_peak_set(int64_t bytes)
{
    lmm_store_relaxed(&live.bytes, bytes);
}
