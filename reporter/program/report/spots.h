/* SPDX-License-Identifier: MIT */
/*
 * spots: a model's sites by their places in the source. In the ledger of the drop-in a site is a
 * call stack and a size class, and one line of a program makes dozens of sites. A user looks for
 * the line first, then for the stacks that lead to it. So a spot is all stacks with one place
 * (function, file and line, as symbols.h names sites), and a trace is all size classes of one
 * stack. Sites without a stack are spots of their own, one for each family.
 *
 * Which sites are one place is decided in places.h; here only numbers are compared.
 *
 * Live blocks count as leaks, except those that match a suppression: they are counted in the
 * suppression, and their trace has no leaks.
 *
 * Invariants (checked by tests/unit/reporter/test_spots.c):
 *   I1  a spot's tally is the sum over its traces; each trace is in one spot
 *   I2  the live blocks of all spots and of all suppressions are together the model's
 *
 * Spots must not be used after their model or its namer is freed.
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

/* The figures that a section sorts its rows by. */
enum lmm_measure {
    LMM_MEASURE_PEAK,        /* bytes, then blocks, at the time of most live bytes */
    LMM_MEASURE_ALLOCATIONS, /* allocations, then their bytes */
    LMM_MEASURE_LEAKS,       /* bytes, then blocks */
    LMM_MEASURE_TEMPORARIES, /* temporary blocks, then allocations */
};

/* A stack. */
struct lmm_trace {
    const struct lmm_model_site *site; /* one of its sites; all have its place and stack */
    struct lmm_tally tally;
    uint32_t place; /* the rank of its spot */
    uint32_t id;    /* the lowest of its sites */
};

/* A place in the source. */
struct lmm_spot {
    const struct lmm_model_site *site; /* one of its sites */
    struct lmm_tally tally;
    uint32_t rank;            /* its number in the order of files, lines and functions, from 1 on */
    uint32_t id;              /* the lowest of its sites, by which site_word.h names the place */
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

/* Makes the spots of a model, to be freed with lmm_spots_free(), and adds the suppressed leaks to
 * suppressions (NULL: none). The sites' names must be set. Returns false when memory ran out. */
bool lmm_spots_make(const struct lmm_model *model, struct lmm_suppressions *suppressions,
                    struct lmm_spots *ret_spots);

/* Returns how many spots, or how many traces of a spot, have a figure above 0. */
size_t lmm_spots_count(const struct lmm_spots *spots, enum lmm_measure measure);
size_t lmm_spot_traces(const struct lmm_spot *spot, enum lmm_measure measure);

/* Bring the `most` spots, or traces of a spot, with the largest figures of a measure to the front,
 * the largest first, equal ones by place and stack. Those without a figure above 0 come after all
 * others. Cost: see select_first.h. */
void lmm_spots_order(struct lmm_spots *spots, enum lmm_measure measure, size_t most);
void lmm_spot_order(struct lmm_spot *spot, enum lmm_measure measure, size_t most);

/* Adds a tally to a sum. */
void lmm_tally_add(struct lmm_tally *sum, const struct lmm_tally *tally);

/* Return the figure of a tally that a measure sorts by first, and second. */
uint64_t lmm_tally_first(const struct lmm_tally *tally, enum lmm_measure measure);
uint64_t lmm_tally_second(const struct lmm_tally *tally, enum lmm_measure measure);

/* Returns how many of the spots from index `first` on have a figure above 0, and sets *ret_sum to
 * the sum of their tallies. */
size_t lmm_spots_rest(const struct lmm_spots *spots, enum lmm_measure measure, size_t first,
                      struct lmm_tally *ret_sum);

void lmm_spots_free(struct lmm_spots *spots);

#endif
