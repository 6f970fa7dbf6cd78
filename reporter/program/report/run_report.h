/* SPDX-License-Identifier: MIT */
/*
 * run_report: the report of `lmm run` after the program has ended: how it ended; then for each
 * process with a ledger: the totals, the lines with most bytes at the peak, leaks, the lines that
 * allocate most, those of temporary blocks, and sizes; what rows could be named better by; then the suppressed leaks; last a line that
 * starts with "SUMMARY:".
 *
 * The rows of a section are spots (spots.h): lines of the source, because a user can change a line.
 * Below a row are its largest stacks; a stack that was printed before is referred to by its number.
 *
 * A report has bounds, whatever the program did: without options its text fits on a screen or two.
 * Each section says in one line what it leaves out, and which option shows it.
 */
#ifndef LMM_PROGRAM_RUN_REPORT_H
#define LMM_PROGRAM_RUN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/report/shown_names.h"

struct lmm_diet;
struct lmm_ending;
struct lmm_model;
struct lmm_sink;
struct lmm_spots;
struct lmm_suppressions;
struct lmm_symbols;
struct lmm_timeline;
struct lmm_unseen;

enum {
    LMM_RUN_REPORT_SCHEMA_VERSION = 1,
    LMM_RUN_REPORT_LEAST_PERMILLE = 1,
};

/* What a report shows at most. */
struct lmm_run_report_bounds {
    size_t rows;   /* of a section; SIZE_MAX: all, here and below */
    size_t stacks; /* of a row */
    size_t sizes;  /* rows of the section of sizes */
    /* The text omits rows below this share of their section, except the first row, and except
     * leaks; 0: omits none */
    uint32_t least_permille;
};

/* One process with a ledger. */
struct lmm_run_report_process {
    const struct lmm_model *model;
    struct lmm_spots *spots;
    const struct lmm_timeline *timeline; /* its figures over time; NULL: nothing was sampled */
    const struct lmm_diet *diet;         /* its hints; NULL, or all zero: none were looked for */
    bool is_program;                     /* the process that lmm run started, not a child of it */
    bool is_live;                        /* it is still running */
    bool has_status;                     /* it was waited for */
    int status;                          /* from wait(2) */
    const char *became;   /* the program that it became by exec and LMM did not see; NULL: none */
    const char *obstacle; /* why LMM did not see that; NULL: unknown */
    bool has_own_lmm; /* liblmm is linked into it, and counts the blocks of its types elsewhere */
    const char *own_ledger; /* where that left a ledger; NULL: nowhere */
};

struct lmm_run_report {
    char *const *argv;               /* ends with NULL; NULL: lmm did not run the program */
    const struct lmm_ending *ending; /* NULL likewise */
    const struct lmm_run_report_process *processes;
    size_t process_count;
    const struct lmm_unseen *unseen; /* NULL: nothing is known of it */
    const struct lmm_suppressions *suppressions;
    const struct lmm_symbols *symbols; /* that named the sites; NULL: none */
    struct lmm_run_report_bounds bounds;
    struct lmm_look look; /* of the text */
    /* Sets of classes, a bit 1 << enum lmm_model_class for each: */
    unsigned shown_classes; /* whose lines the report lists */
    unsigned error_classes; /* of which blocks make the check fail */
    const char *gate;       /* a glob for the programs that the gate is for; NULL: all */
    bool has_gate;          /* --error-exitcode */
    bool has_baseline;
    bool leaks_only;
    bool generates; /* suppressions of what is lost; with leaks_only */
    bool colour;
};

/* Print the report for people, or one JSON document (docs/run.schema.json). Return 0, -ENOMEM, or
 * -errno of the first write that failed. The spots are sorted anew. */
int lmm_run_report_text(const struct lmm_run_report *run, struct lmm_sink *sink);
int lmm_run_report_json(const struct lmm_run_report *run, struct lmm_sink *sink);

#endif
