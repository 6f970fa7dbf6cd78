/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/spot_tally.h"

#include <stddef.h>

#include "reporter/core/saturate.h"

static void add_amount(struct lmm_model_amount *sum, const struct lmm_model_amount *amount)
{
    sum->blocks = lmm_add_saturated(sum->blocks, amount->blocks);
    sum->bytes = lmm_add_saturated(sum->bytes, amount->bytes);
}

void lmm_tally_add(struct lmm_tally *sum, const struct lmm_tally *tally)
{
    sum->allocations += tally->allocations;
    sum->allocated_bytes += tally->allocated_bytes;
    sum->temporaries += tally->temporaries;
    sum->peak_blocks += tally->peak_blocks;
    sum->peak_bytes += tally->peak_bytes;
    sum->leaked_blocks += tally->leaked_blocks;
    sum->leaked_bytes += tally->leaked_bytes;
    add_amount(&sum->lost, &tally->lost);
    add_amount(&sum->direct, &tally->direct);
    add_amount(&sum->indirect, &tally->indirect);
    add_amount(&sum->possible, &tally->possible);
    add_amount(&sum->reachable, &tally->reachable);
}

#define FIGURES(first, second) offsetof(struct lmm_tally, first), offsetof(struct lmm_tally, second)

static uint64_t figure(const struct lmm_tally *tally, enum lmm_measure measure, size_t which)
{
    static const size_t offsets[][2] = {
        [LMM_MEASURE_PEAK] = {FIGURES(peak_bytes, peak_blocks)},
        [LMM_MEASURE_ALLOCATIONS] = {FIGURES(allocations, allocated_bytes)},
        [LMM_MEASURE_LEAKS] = {FIGURES(leaked_bytes, leaked_blocks)},
        [LMM_MEASURE_TEMPORARIES] = {FIGURES(temporaries, allocations)},
        [LMM_MEASURE_LOST] = {FIGURES(lost.bytes, lost.blocks)},
        [LMM_MEASURE_INDIRECT] = {FIGURES(indirect.bytes, indirect.blocks)},
        [LMM_MEASURE_POSSIBLE] = {FIGURES(possible.bytes, possible.blocks)},
        [LMM_MEASURE_REACHABLE] = {FIGURES(reachable.bytes, reachable.blocks)},
    };

    return *(const uint64_t *) (const void *) ((const char *) tally + offsets[measure][which]);
}

uint64_t lmm_tally_first(const struct lmm_tally *tally, enum lmm_measure measure)
{
    return figure(tally, measure, 0);
}

uint64_t lmm_tally_second(const struct lmm_tally *tally, enum lmm_measure measure)
{
    return figure(tally, measure, 1);
}

bool lmm_tally_counts(const struct lmm_tally *tally, enum lmm_measure measure)
{
    bool by_second = measure != LMM_MEASURE_ALLOCATIONS && measure != LMM_MEASURE_TEMPORARIES;

    return lmm_tally_first(tally, measure) > 0 ||
           (by_second && lmm_tally_second(tally, measure) > 0);
}
