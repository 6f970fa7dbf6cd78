/* SPDX-License-Identifier: MIT */
/*
 * delta: the changes from one model to another, by family name and by site (family, file, line,
 * function, and call stack if it has one). Sites or families with equal names are one row: one
 * place may have several ids, and ids differ between processes. The models' sites may be merged
 * (merge.h), in both by the same word; then each row of sites has its stacks.
 *
 * Which of several types of one name is shown with its size depends on the order in which a process
 * registers them. So where a model has namesakes, families of that name are matched by type, size
 * and alignment; elsewhere by name alone, so that a struct which grew is still one row.
 *
 * Invariants (checked by assert in lmm_delta_make()):
 *   I1  rows are in the order of growth: live bytes, live blocks, allocations, then names
 *   I2  no two rows of a list have the same names
 *   I3  total is the sum of the families' rows (made so; not checked again)
 *
 * Not responsible for the models: the strings of a delta point into them, so both models must live
 * as long as the delta.
 */
#ifndef LMM_PROGRAM_DELTA_H
#define LMM_PROGRAM_DELTA_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

struct lmm_model;
struct lmm_model_site;

struct lmm_delta_change {
    uint64_t before;
    uint64_t after;
};

/* A family (without file, line and function), a site, a stack of a site that was merged (merge.h;
 * it has the names of that), or the total (without names). */
struct lmm_delta_row {
    struct lmm_string family; /* as shown in one of the models, with the size if in either */
    struct lmm_string type;   /* these four: of the family, to match it; the sizes 0 if unneeded */
    uint64_t size_bytes;
    uint64_t align_bytes;
    bool is_namesake;
    struct lmm_string file;
    struct lmm_string function;
    uint64_t stack_key; /* as the models have it */
    uint32_t line;
    uint32_t id;    /* of a site in the first model that has the row */
    bool in_before; /* the model has this row; it has no sites without allocations and frees */
    bool in_after;
    struct lmm_delta_change live_bytes;
    struct lmm_delta_change live_blocks;
    struct lmm_delta_change allocations;
    struct lmm_delta_change frees;
    const struct lmm_model_site *site; /* of a row of sites: one of its model's, as `stack` */
    uint32_t
        stack; /* of a stack: the number of its innermost frame, in `after` if it is in_after */
    size_t stack_count;
    const struct lmm_delta_row *stacks; /* of a row of sites: its stacks, by growth */
};

struct lmm_delta {
    const struct lmm_model *before;
    const struct lmm_model *after;
    bool same_process;
    bool same_program;
    bool backwards; /* `after` is older than `before`, as far as the ledgers say */
    struct lmm_delta_row total;
    size_t family_count;
    struct lmm_delta_row *families;
    size_t site_count;
    struct lmm_delta_row *sites;
    struct lmm_delta_row *stacks; /* of all sites */
};

/*
 * Returns the difference, to be freed with lmm_delta_free(); NULL: out of memory. patterns: only
 * families whose name matches one of these (fnmatch), the list ended by NULL; NULL: all.
 * with_sites: false leaves the sites out. Cost: sorts the rows.
 */
struct lmm_delta *lmm_delta_make(const struct lmm_model *before, const struct lmm_model *after,
                                 char *const *patterns, bool with_sites);

/* delta may be NULL. */
void lmm_delta_free(struct lmm_delta *delta);

/* Returns after - before, limited to INT64_MAX and its negative. */
int64_t lmm_delta_change_growth(struct lmm_delta_change change);

/* Returns the model that has the stack of a row of stacks. */
const struct lmm_model *lmm_delta_model_of(const struct lmm_delta *delta,
                                           const struct lmm_delta_row *row);

/* Returns whether any figure of the row differs. */
bool lmm_delta_row_changed(const struct lmm_delta_row *row);

#endif
