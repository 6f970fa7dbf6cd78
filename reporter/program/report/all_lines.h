/* SPDX-License-Identifier: MIT */
/*
 * all_lines: the lines of several processes in one list: a line of the source has one row, with the sums
 * over the processes. The peak of a line is the sum of what it had at the peak of each process, which
 * are different moments.
 *
 * The lines must not be used after the processes' models.
 */
#ifndef LMM_PROGRAM_ALL_LINES_H
#define LMM_PROGRAM_ALL_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/report/spots.h"

struct lmm_run_report_process;

struct lmm_all_line {
    const struct lmm_model *model;
    const struct lmm_model_site *site; /* one of its sites, in that model */
    struct lmm_tally tally;
    /* Of all blocks that a measure counts; NULL: they have several types, or none that was looked for */
    const struct lmm_model_type *types[LMM_MEASURES];
    size_t processes;
};

struct lmm_all_lines {
    struct lmm_all_line *items;
    size_t count;
    struct lmm_tally total;
    uint64_t frees;
};

/* Makes the list, to be freed with lmm_all_lines_free(). Processes with a malloc of their own are left
 * out. False when memory ran out. */
bool lmm_all_lines_make(const struct lmm_run_report_process *processes, size_t count,
                        struct lmm_all_lines *ret_lines);

/* Sorts by a measure, the largest first, equal ones by place. Returns how many have a figure above 0. */
size_t lmm_all_lines_order(struct lmm_all_lines *lines, enum lmm_measure measure);

void lmm_all_lines_free(struct lmm_all_lines *lines);

#endif
