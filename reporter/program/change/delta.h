/* SPDX-License-Identifier: MIT */
/*
 * delta: what changed from one model to another, by family name and by site (family, file, line and
 * function, and where it has one, call stack). Sites and families that agree in these are one row: the
 * same place may have several ids, and ids differ from process to process.
 *
 * Invariants:
 *   I1  rows are in the order of growth: live bytes, live blocks, allocations, then names
 *   I2  no two rows of a list have the same names
 *   I3  total is the sum of the families' rows
 *
 * Locks: none. Not responsible for the models: the strings of a delta are theirs, so both must be kept
 * as long as it is used.
 */
#ifndef LMM_PROGRAM_DELTA_H
#define LMM_PROGRAM_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

struct lmm_model;

struct lmm_change {
    uint64_t before;
    uint64_t after;
};

/* A family (it has no file, line and function), a site, or the total (which has no names at all). */
struct lmm_delta_row {
    struct lmm_string family;
    struct lmm_string file;
    struct lmm_string function;
    uint64_t stack_key; /* as the models have it */
    uint32_t line;
    bool in_before; /* the model has such a row; sites that have counted nothing have none */
    bool in_after;
    struct lmm_change live_bytes;
    struct lmm_change live_blocks;
    struct lmm_change allocations;
    struct lmm_change frees;
};

struct lmm_delta {
    const struct lmm_model *before;
    const struct lmm_model *after;
    bool same_process;
    bool same_program;
    bool backwards; /* `after` is the older one, as far as can be told */
    struct lmm_delta_row total;
    size_t family_count;
    struct lmm_delta_row *families;
    size_t site_count;
    struct lmm_delta_row *sites;
};

/*
 * Returns the difference, to be freed with lmm_delta_free(); NULL: out of memory. patterns: only
 * families whose name matches one of these (fnmatch), the list ended by NULL; NULL: all. with_sites:
 * false leaves the sites out. Cost: sorting what there is.
 */
struct lmm_delta *lmm_delta_make(const struct lmm_model *before, const struct lmm_model *after,
                                 char *const *patterns, bool with_sites);

/* delta may be NULL. */
void lmm_delta_free(struct lmm_delta *delta);

/* Returns after - before, at most INT64_MAX either way. */
int64_t lmm_change_growth(struct lmm_change change);

/* Returns whether any figure of the row differs. */
bool lmm_delta_row_changed(const struct lmm_delta_row *row);

#endif
