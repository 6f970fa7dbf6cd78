/* SPDX-License-Identifier: MIT */
/*
 * run_report: what `lmm run` says when the program has ended: who it was and how it ended, then for each
 * process that kept books: totals, the peak's consumers, what allocates most, leaks, temporary blocks, and
 * sizes; last what was suppressed.
 *
 * The rows of a section are spots (spots.h): lines of the source, because a line is what somebody can
 * change. Below a row stands the stack that has most of it, and how many others there are; a stack that
 * was printed before is only referred to.
 *
 * Locks: none.
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

/* One process that kept books. */
struct lmm_run_report_process {
    const struct lmm_model *model;
    struct lmm_spots *spots;
    bool is_program; /* the one that was started, and not a child of it */
    bool is_live;    /* it has not ended */
};

struct lmm_run_report {
    char *const *argv; /* NULL behind the last */
    const struct lmm_ending *ending;
    const struct lmm_run_report_process *processes;
    size_t process_count;
    const struct lmm_suppressions *suppressions;
    size_t top; /* rows of a section, at most; SIZE_MAX: all */
    /* The text leaves out rows, but the first, of less than so much of their section; not leaks. 0: none */
    uint32_t least_permille;
    bool leaks_only; /* no section but the leaks, and these with all their stacks */
    bool colour;
};

/* Print the report for people, or one JSON document (docs/run.schema.json). Return 0, -ENOMEM, or -errno of
 * the first write that failed. Spots are put in another order. */
int lmm_run_report_text(const struct lmm_run_report *run, struct lmm_sink *sink);
int lmm_run_report_json(const struct lmm_run_report *run, struct lmm_sink *sink);

#endif
