/* SPDX-License-Identifier: MIT */
/* check_report: the report of the last leak check of one process that `lmm run` did not start: of
 * `lmm leaks` and `lmm report --leaks`, and in the formats junit and sarif of `lmm report`. */
#ifndef LMM_PROGRAM_CHECK_REPORT_H
#define LMM_PROGRAM_CHECK_REPORT_H

#include <stdbool.h>

#include "reporter/program/report/run_report.h"

struct lmm_format;
struct lmm_loss_options;

struct lmm_check_report {
    const struct lmm_model *model;     /* whose sites are named */
    struct lmm_loss_options *losses;   /* the suppressions count what they match */
    char *const *types;                /* patterns of the types whose lines are shown; NULL: all */
    const struct lmm_symbols *symbols; /* that named the sites; NULL: unknown */
    struct lmm_run_report_bounds bounds;
    struct lmm_look look;
    bool colour;
};

/* Prints the report in the format, which is not one of LMM_FORMAT_DATA. Returns 0, -ENOMEM, or -errno
 * of the first write that failed. */
int lmm_check_report_render(const struct lmm_check_report *report, const struct lmm_format *format,
                            struct lmm_sink *sink);

/* Writes it to `path`, as lmm_output_open() has it. Returns an exit status, after a message on stderr
 * if that is not LMM_EXIT_DONE. */
int lmm_check_report_write(const struct lmm_check_report *report, const struct lmm_format *format,
                           const char *path);

#endif
