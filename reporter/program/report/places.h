/* SPDX-License-Identifier: MIT */
/*
 * places: a model's sites in groups. In the ledger of the drop-in a site is a call stack and a size
 * class, and one line of a program makes dozens of sites; a user looks for the line first. The
 * report of `lmm run` (spots.h), the rows of the other subcommands (merge.h) and `lmm top` group
 * the sites by this.
 *
 * Names are compared while places are made, once for each place; everything after that compares
 * numbers.
 *
 * Invariants (checked by tests/unit/reporter/test_places.c):
 *   I1  each site has one place; places are numbered from 1 to count, in the order of their names
 *   I2  a place's key is the same in all readings of a process, and differs from other places'
 */
#ifndef LMM_PROGRAM_PLACES_H
#define LMM_PROGRAM_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

struct lmm_model;
struct lmm_model_site;

/* What the sites of one place have in common. Sites without a call stack are never merged by line,
 * function or stack if their families differ: there the family is the type of a block. */
enum lmm_by {
    LMM_BY_LINE,     /* file, line and function, as symbols.h names sites */
    LMM_BY_FUNCTION, /* file and function */
    LMM_BY_MODULE,   /* the module of that function; of sites without a stack the program */
    LMM_BY_STACK,    /* the whole stack */
    LMM_BY_FAMILY,
    LMM_BY_TYPE, /* the type of the blocks, where it is known (site_type.h); else the reason */
    LMM_BY_SITE, /* each site is a place */
    LMM_BY_COUNT,
};

struct lmm_places {
    uint32_t *of;   /* by index in model->sites: the number of its place */
    uint64_t *keys; /* by number; there is no place 0 */
    size_t count;
};

/* Makes the places of a model, to be freed with lmm_places_free(). The sites' names must be set.
 * Returns false when memory ran out. Cost: sorts the places. */
bool lmm_places_make(const struct lmm_model *model, enum lmm_by by, struct lmm_places *ret_places);

void lmm_places_free(struct lmm_places *places);

/* Returns the module that a site belongs to; empty: unknown. */
struct lmm_string lmm_places_module(const struct lmm_model *model,
                                    const struct lmm_model_site *site);

#endif
