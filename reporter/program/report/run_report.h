/* SPDX-License-Identifier: MIT */
/*
 * run_report: the report of `lmm run` after the program has ended: the command and how it ended,
 * then for each process with a ledger: totals, the peak consumers, the most allocating sites,
 * leaks, temporary blocks, and sizes; last the suppressed leaks.
 *
 * The rows of a section are spots (spots.h): lines of the source, because a user can change a line.
 * Below a row is the stack with the largest part of it, and the number of other stacks; a stack
 * that was printed before is printed as a reference to its number.
 */
#ifndef LMM_PROGRAM_RUN_REPORT_H
#define LMM_PROGRAM_RUN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_ending;
struct lmm_model;
struct lmm_sink;
struct lmm_spots;
struct lmm_suppressions;

enum {
    LMM_RUN_REPORT_SCHEMA_VERSION = 1,
    LMM_RUN_REPORT_TOP = 10,
    LMM_RUN_REPORT_LEAST_PERMILLE = 1,
};

/* One process with a ledger. */
struct lmm_run_report_process {
    const struct lmm_model *model;
    struct lmm_spots *spots;
    bool is_program; /* the process that lmm run started, not a child of it */
    bool is_live;    /* it is still running */
};

struct lmm_run_report {
    char *const *argv; /* ends with NULL */
    const struct lmm_ending *ending;
    const struct lmm_run_report_process *processes;
    size_t process_count;
    const struct lmm_suppressions *suppressions;
    size_t top; /* most rows of a section; SIZE_MAX: all */
    /* The text omits rows below this share of their section, except the first row, and except
     * leaks; 0: omits none */
    uint32_t least_permille;
    bool leaks_only; /* only the section of leaks, with all their stacks */
    bool colour;
};

/* Print the report for people, or one JSON document (docs/run.schema.json). Return 0, -ENOMEM, or
 * -errno of the first write that failed. The spots are sorted anew. */
int lmm_run_report_text(const struct lmm_run_report *run, struct lmm_sink *sink);
int lmm_run_report_json(const struct lmm_run_report *run, struct lmm_sink *sink);

#endif
