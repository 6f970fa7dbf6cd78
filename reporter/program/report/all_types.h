/* SPDX-License-Identifier: MIT */
/*
 * all_types: the types of the blocks of several processes in one list: a type has one row, by its name, with
 * the sums over the processes of what each had at its own peak.
 *
 * Names must not be used after the processes' models and symbols.
 */
#ifndef LMM_PROGRAM_ALL_TYPES_H
#define LMM_PROGRAM_ALL_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/model.h"

struct lmm_run_report_process;

struct lmm_all_type {
    struct lmm_model_type type; /* of the sites with this name that of the least confidence */
    struct lmm_model_amount peak;
    size_t processes;
    const struct lmm_run_report_process *last; /* that was counted */
};

struct lmm_all_types {
    struct lmm_all_type *items; /* most bytes first, equal ones by name */
    size_t count;
    struct lmm_model_amount known;   /* of these */
    struct lmm_model_amount unknown; /* without a type */
};

/* Makes the list of the types that lmm_spots_select() left, to be freed with lmm_all_types_free(). Processes
 * with a malloc of their own are left out. False when memory ran out. */
bool lmm_all_types_make(const struct lmm_run_report_process *processes, size_t count,
                        struct lmm_all_types *ret_types);

void lmm_all_types_free(struct lmm_all_types *types);

#endif
