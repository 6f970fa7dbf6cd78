/* SPDX-License-Identifier: MIT */
/*
 * spot_tally: the figures of a stack, of a place in the source, or of all; and the measures that the
 * sections of a report sort by.
 */
#ifndef LMM_PROGRAM_SPOT_TALLY_H
#define LMM_PROGRAM_SPOT_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/core/model.h"

struct lmm_tally {
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t temporaries;
    uint64_t peak_blocks;
    uint64_t peak_bytes;
    uint64_t leaked_blocks; /* these two: live at the end */
    uint64_t leaked_bytes;
    /* By the last leak check, without what is suppressed: */
    struct lmm_model_amount lost;     /* definitely lost, and indirectly lost by hanging on those */
    struct lmm_model_amount direct;   /* the former alone */
    struct lmm_model_amount indirect; /* its own indirectly lost blocks, whatever they hang on */
    struct lmm_model_amount possible; /* possibly lost */
    struct lmm_model_amount reachable; /* still reachable */
};

/* The figures that a section sorts its rows by. */
enum lmm_measure {
    LMM_MEASURE_PEAK,        /* bytes, then blocks, at the time of most live bytes */
    LMM_MEASURE_ALLOCATIONS, /* allocations, then their bytes */
    LMM_MEASURE_LEAKS,       /* bytes, then blocks, that live at the end */
    LMM_MEASURE_TEMPORARIES, /* temporary blocks, then allocations */
    /* By the last leak check; bytes, then blocks: */
    LMM_MEASURE_LOST, /* definitely lost, with what hangs on those */
    LMM_MEASURE_INDIRECT,
    LMM_MEASURE_POSSIBLE,
    LMM_MEASURE_REACHABLE,
    LMM_MEASURES,
};

/* A stack. */
struct lmm_trace {
    const struct lmm_model_site *site; /* one of its sites; all have its place and stack */
    struct lmm_tally tally;
    uint32_t place;                        /* the rank of its spot */
    const struct lmm_model_losses *losses; /* of one of its sites; NULL: none has any */
    const struct lmm_model_type *type;     /* of all its sites; NULL: they have several, or none */
    unsigned known_classes; /* a bit for each class in which a baseline has it (baseline.h) */
    uint32_t id;            /* the lowest of its sites */
};

/* Adds a tally to a sum. */
void lmm_tally_add(struct lmm_tally *sum, const struct lmm_tally *tally);

/* Return the figure of a tally that a measure sorts by first, and second. */
uint64_t lmm_tally_first(const struct lmm_tally *tally, enum lmm_measure measure);
uint64_t lmm_tally_second(const struct lmm_tally *tally, enum lmm_measure measure);

/* Returns whether a figure of the measure is above 0: a block of 0 bytes counts, too. */
bool lmm_tally_counts(const struct lmm_tally *tally, enum lmm_measure measure);

#endif
