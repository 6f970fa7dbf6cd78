/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/looks.h"

#include <assert.h>

#include "reporter/program/base/clock.h"

uint64_t lmm_looks_look(void *context, pid_t pid)
{
    struct lmm_looks *looks = context;
    uint64_t next_ns = UINT64_MAX;

    assert(looks->count > 0 && looks->count <= LMM_LOOKS_MAX);
    for (size_t i = 0; i < looks->count; i++) {
        struct lmm_looker *look = &looks->items[i];

        if (lmm_clock_ns(CLOCK_MONOTONIC) >= look->due_ns) {
            uint64_t wait_ns = look->look(look->context, pid);

            look->due_ns = lmm_clock_ns(CLOCK_MONOTONIC) + wait_ns;
        }
        next_ns = look->due_ns < next_ns ? look->due_ns : next_ns;
    }
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);

    return next_ns > now_ns ? next_ns - now_ns : 0;
}
