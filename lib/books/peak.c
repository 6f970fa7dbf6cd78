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
    BUDGET_NS = 10000000,
    BUDGET_PART = 50,
    SKIPS = 64, /* so many additions do not ask the clock after one found the budget used up */
};

static struct {
    int64_t bytes __attribute__((aligned(LMM_CACHE_LINE_BYTES)));
    uint32_t skips; /* threads may lose each other's counts of it */
    /* A larger sum is a new peak. In its own line, as it is read more than written. */
    int64_t next_peak __attribute__((aligned(LMM_CACHE_LINE_BYTES)));
    uint64_t start_ns; /* when the first peak was recorded */
    uint64_t spent_ns; /* processor time of all recordings */
} live;

/* Whether recordings have taken so little time that there may be another. */
static bool may_record(void)
{
    uint64_t start_ns = lmm_load_relaxed(&live.start_ns);
    uint64_t spent_ns = lmm_load_relaxed(&live.spent_ns);

    if (spent_ns <= BUDGET_NS) {
        return true;
    }
    uint32_t skips = lmm_load_relaxed(&live.skips);
    if (skips != 0) {
        lmm_store_relaxed(&live.skips, skips - 1);
        return false;
    }
    uint64_t now_ns = lmm_system_clock_ns(CLOCK_MONOTONIC);
    bool is_affordable = spent_ns - BUDGET_NS <= (now_ns - start_ns) / BUDGET_PART;
    lmm_store_relaxed(&live.skips, is_affordable ? 0U : (uint32_t) SKIPS);
    return is_affordable;
}

/* Preserves errno: a free may come here. */
static void record(uint64_t sum)
{
    int saved_errno = errno;
    uint64_t before_ns = lmm_system_clock_ns(CLOCK_THREAD_CPUTIME_ID);

    if (lmm_load_relaxed(&live.start_ns) == 0) {
        lmm_store_relaxed(&live.start_ns, lmm_system_clock_ns(CLOCK_MONOTONIC));
    }
    lmm_accounts_take_peak(sum);
    lmm_fetch_add_relaxed(&live.spent_ns, lmm_system_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns);
    errno = saved_errno;
}

/* Records a peak, unless another thread has recorded a higher one meanwhile. */
static LMM_NOINLINE void pass_peak(int64_t sum)
{
    int64_t more = sum / PEAK_STEP > PEAK_STEP_BYTES ? sum / PEAK_STEP : PEAK_STEP_BYTES;
    int64_t next = lmm_load_relaxed(&live.next_peak);

    if (!may_record()) {
        return;
    }
    do {
        if (sum <= next) {
            return;
        }
    } while (!lmm_compare_exchange_acq_rel(&live.next_peak, &next, sum + more));
    record((uint64_t) sum);
}

uint64_t lmm_peak_step(void)
{
    return (uint64_t) lmm_load_relaxed(&live.next_peak) / PENDING_PART;
}

int64_t lmm_peak_add(int64_t bytes)
{
    int64_t sum = lmm_fetch_add_relaxed(&live.bytes, bytes) + bytes;

    if (sum > lmm_load_relaxed(&live.next_peak)) {
        pass_peak(sum);
    }
    return lmm_load_relaxed(&live.next_peak) - sum;
}

void lmm_peak_set(int64_t bytes)
{
    lmm_store_relaxed(&live.bytes, bytes);
}
