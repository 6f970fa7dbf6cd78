/* SPDX-License-Identifier: MIT */
/*
 * type_rows: the types of a process's blocks at its peak, for the report of `lmm run`: rows of merge.h,
 * and what of each type was lost, without what is suppressed.
 *
 * Rows must not be used after their spots.
 */
#ifndef LMM_PROGRAM_TYPE_ROWS_H
#define LMM_PROGRAM_TYPE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/model.h"
#include "reporter/program/report/merge.h"

struct lmm_spots;

struct lmm_type_row {
    const struct lmm_model_site *site; /* with the sums of its sites, its type, and its lines */
    struct lmm_model_amount lost;      /* definitely or indirectly, by the last leak check */
};

/* Types with bytes at the peak, most bytes first; then likewise what has no type, by reason. */
struct lmm_type_rows {
    struct lmm_type_row *items;
    size_t count;
    size_t known;         /* those of types */
    uint64_t known_bytes; /* at the peak, of these */
    struct lmm_merge merge;
};

/* Makes the rows of the types that lmm_spots_select() left, to be freed with lmm_type_rows_free(). No type is known: there are no rows.
 * Returns false when memory ran out. Cost: that of lmm_merge_sites(). */
bool lmm_type_rows_make(const struct lmm_spots *spots, struct lmm_type_rows *ret_rows);

void lmm_type_rows_free(struct lmm_type_rows *rows);

#endif
