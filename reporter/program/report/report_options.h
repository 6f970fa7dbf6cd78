/* SPDX-License-Identifier: MIT */
/* report_options: which losses a report of run_report.h lists, and how much of them: options of `lmm run`
 * and `lmm leaks`, and in part of `lmm report`. */
#ifndef LMM_PROGRAM_REPORT_OPTIONS_H
#define LMM_PROGRAM_REPORT_OPTIONS_H

#include <argp.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/report/run_report.h"
#include "reporter/program/report/suppress.h"

struct lmm_model;

struct lmm_loss_options {
    unsigned shown_classes; /* a set of enum lmm_model_class */
    bool no_built_in;       /* suppressions */
    struct lmm_suppressions suppressions;
};

struct lmm_extent_options {
    size_t top;            /* rows; 0: not given */
    size_t stacks_per_row; /* 0: not given */
    bool full;
    bool absolute; /* paths */
};

/* Parsers for `children` of a subcommand's own parser: of --show-leak-kinds, --suppressions and
 * --no-builtin-suppressions into a struct lmm_loss_options *, and of --top, --stacks-per-row, --full and
 * --absolute into a struct lmm_extent_options *, of which lmm_row_extent_argp leaves out --stacks-per-row; all
 * are zero at the start, the classes except. */
extern const struct argp lmm_loss_argp;
extern const struct argp lmm_extent_argp;
extern const struct argp lmm_row_extent_argp;

/* Parses the argument of an option that takes a set of classes; a wrong one is a usage error. */
unsigned lmm_kinds_option_parse(const char *option, const char *argument,
                                const struct argp_state *state);

/* Adds the suppressions that the program of a model has itself (__lsan_default_suppressions()). A line of
 * them that is wrong is named on stderr, and ends them. */
void lmm_loss_options_add_own(struct lmm_loss_options *options, const struct lmm_model *model);

/* Adds the built-in suppressions, as the last ones, unless they are not wanted; returns false when
 * memory ran out. */
bool lmm_loss_options_complete(struct lmm_loss_options *options);

/* Return what a report shows at most, and how. is_brief: without these options, it fits on a screen or
 * two. folder: room for a part of the look, which must live as long as it. */
struct lmm_run_report_bounds lmm_extent_options_bounds(const struct lmm_extent_options *options,
                                                       bool is_brief);
struct lmm_look lmm_extent_options_look(const struct lmm_extent_options *options, bool is_brief,
                                        char folder[PATH_MAX]);

#endif
