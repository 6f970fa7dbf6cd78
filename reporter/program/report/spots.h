/* SPDX-License-Identifier: MIT */
/*
 * spots: a model's sites by where they are in the source. In the books of malloc a site is a call stack
 * and a size class, and one line of a program makes dozens of them; a person wants to know of the line,
 * then of the stacks that lead to it. So a spot is all stacks whose site has one place (function, file
 * and line, as symbols.h names sites: the innermost call that is the program's own), and a trace is all
 * size classes of one stack. Sites without a stack are spots of their own, one a family.
 *
 * Blocks that live are leaks here, but those that a suppression fits: these are counted with it, and
 * their trace has none.
 *
 * Invariants:
 *   I1  a spot's tally is the sum over its traces; each trace is in one spot
 *   I2  the live blocks of all spots and those of all suppressions are the model's
 *
 * Locks: none. Nothing here outlives the model or its namer.
 */
#ifndef LMM_PROGRAM_SPOTS_H
#define LMM_PROGRAM_SPOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_site;
struct lmm_suppressions;

struct lmm_tally {
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t temporaries;
    uint64_t peak_blocks;
    uint64_t peak_bytes;
    uint64_t leaked_blocks;
    uint64_t leaked_bytes;
};

/* What a section is about, and its rows are ordered by. */
enum lmm_measure {
    LMM_MEASURE_PEAK,        /* bytes, then blocks, when most bytes lived */
    LMM_MEASURE_ALLOCATIONS, /* then their bytes */
    LMM_MEASURE_LEAKS,       /* bytes, then blocks */
    LMM_MEASURE_TEMPORARIES, /* then allocations */
};

/* A stack. */
struct lmm_trace {
    const struct lmm_model_site
        *site; /* one of its sites: place, stack, and family where it has no stack */
    struct lmm_tally tally;
};

/* A place in the source. */
struct lmm_spot {
    const struct lmm_model_site *site; /* one of its sites */
    struct lmm_tally tally;
    struct lmm_trace *traces; /* part of lmm_spots.traces */
    size_t trace_count;
};

struct lmm_spots {
    const struct lmm_model *model;
    struct lmm_spot *items;
    size_t count;
    struct lmm_trace *traces;
    struct lmm_tally total;
};

/*
 * Makes the spots of a model, to be freed with lmm_spots_free(), and counts what is suppressed with
 * suppressions (NULL: none). The sites' names must be set. Returns false when memory ran out.
 */
bool lmm_spots_make(const struct lmm_model *model, struct lmm_suppressions *suppressions,
                    struct lmm_spots *ret_spots);

/*
 * Puts the spots, and the traces of each, in the order of a measure, the largest first and equals by
 * place. Returns how many have any of it; they stand in front.
 */
size_t lmm_spots_order(struct lmm_spots *spots, enum lmm_measure measure);

/* Returns how many traces of a spot have any of the measure; they stand in front after
 * lmm_spots_order(). */
size_t lmm_spot_traces(const struct lmm_spot *spot, enum lmm_measure measure);

/* What a measure says of a tally: what it is ordered by first, and second. */
uint64_t lmm_tally_first(const struct lmm_tally *tally, enum lmm_measure measure);
uint64_t lmm_tally_second(const struct lmm_tally *tally, enum lmm_measure measure);

void lmm_spots_free(struct lmm_spots *spots);

#endif
