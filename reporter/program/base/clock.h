/* SPDX-License-Identifier: MIT */
/* clock: times and durations as nanoseconds in a uint64_t. Stateless; any thread may call it. */
#ifndef LMM_PROGRAM_CLOCK_H
#define LMM_PROGRAM_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define LMM_NS_PER_MS     UINT64_C(1000000)
#define LMM_NS_PER_SECOND UINT64_C(1000000000)

static inline uint64_t lmm_timespec_ns(struct timespec time)
{
    return (uint64_t) time.tv_sec * LMM_NS_PER_SECOND + (uint64_t) time.tv_nsec;
}

static inline uint64_t lmm_timeval_ns(struct timeval time)
{
    return (uint64_t) time.tv_sec * LMM_NS_PER_SECOND + (uint64_t) time.tv_usec * 1000;
}

static inline struct timespec lmm_ns_timespec(uint64_t ns)
{
    return (struct timespec) {.tv_sec = (time_t) (ns / LMM_NS_PER_SECOND),
                              .tv_nsec = (long) (ns % LMM_NS_PER_SECOND)};
}

/* The time of a clock; CLOCK_MONOTONIC for durations, CLOCK_REALTIME for the times in a ledger. */
static inline uint64_t lmm_clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return lmm_timespec_ns(now);
}

#endif
