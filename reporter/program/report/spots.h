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
 * Live blocks that match a suppression are counted in that, and not in their trace; and so are the
 * blocks of the last leak check (trace_losses.h).
 *
 * Invariants (checked by tests/unit/reporter/test_spots.c):
 *   I1  a spot's tally is the sum over its traces; each trace is in one spot
 *   I2  the live blocks of all spots and of all suppressions are together the model's; and the
 *       blocks of a class, in the total and in `suppressed`, are together the check's
 *
 * Spots must not be used after their model or its namer is freed.
 */
#ifndef LMM_PROGRAM_SPOTS_H
#define LMM_PROGRAM_SPOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/program/report/spot_tally.h"

struct lmm_suppressions;

/* A place in the source. */
struct lmm_spot {
    const struct lmm_model_site *site; /* one of its sites */
    struct lmm_tally tally;
    uint32_t rank;            /* its number in the order of files, lines and functions, from 1 on */
    uint32_t id;              /* the lowest of its sites, by which site_word.h names the place */
    bool is_hidden;           /* by lmm_spots_select() */
    struct lmm_trace *traces; /* part of lmm_spots.traces */
    size_t trace_count;
};

struct lmm_spots {
    const struct lmm_model *model;
    char *const *types; /* patterns, by lmm_spots_select(); NULL: none */
    struct lmm_spot *items;
    size_t count;
    struct lmm_trace *traces;
    struct lmm_tally total;
    struct lmm_tally
        rest; /* of the total: what the last leak check found of sites that the model does
                              not have */
    struct lmm_model_amount suppressed; /* of the last leak check, and what the program ignores */
};

/* Makes the spots of a model, to be freed with lmm_spots_free(), and adds the suppressed leaks to
 * suppressions (NULL: none). The sites' names must be set. Returns false when memory ran out. */
bool lmm_spots_make(const struct lmm_model *model, struct lmm_suppressions *suppressions,
                    struct lmm_spots *ret_spots);

/*
 * Hides the spots none of whose traces has a type that matches one of the patterns (select.h); they
 * stay in the total, and make a check for leaks fail. Those below are of the spots that are not
 * hidden. patterns must live as long as the spots; NULL: all types.
 */
void lmm_spots_select(struct lmm_spots *spots, char *const *patterns);

/* Returns how many spots, or how many traces of a spot, have a figure above 0. */
size_t lmm_spots_count(const struct lmm_spots *spots, enum lmm_measure measure);
size_t lmm_spot_traces(const struct lmm_spot *spot, enum lmm_measure measure);

/* Returns the type of all traces of a spot that have a figure above 0; NULL: they have several, or none
 * that was looked for. */
const struct lmm_model_type *lmm_spot_type(const struct lmm_spot *spot, enum lmm_measure measure);

/* Bring the `most` spots, or traces of a spot, with the largest figures of a measure to the front,
 * the largest first, equal ones by place and stack. Those without a figure above 0 come after all
 * others. Cost: see select_first.h. */
void lmm_spots_order(struct lmm_spots *spots, enum lmm_measure measure, size_t most);
void lmm_spot_order(struct lmm_spot *spot, enum lmm_measure measure, size_t most);

/* Returns how many of the spots from index `first` on have a figure above 0, and sets *ret_sum to
 * the sum of their tallies. */
size_t lmm_spots_rest(const struct lmm_spots *spots, enum lmm_measure measure, size_t first,
                      struct lmm_tally *ret_sum);

void lmm_spots_free(struct lmm_spots *spots);

#endif
