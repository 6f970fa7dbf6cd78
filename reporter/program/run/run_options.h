/* SPDX-License-Identifier: MIT */
/* run_options: the command line of `lmm run [OPTION...] [--] PROGRAM [ARGUMENT...]`. Options of
 * `lmm run` end at the program; its arguments follow. */
#ifndef LMM_PROGRAM_RUN_OPTIONS_H
#define LMM_PROGRAM_RUN_OPTIONS_H

#include <limits.h>

#include "reporter/program/formats/format.h"
#include "reporter/program/report/baseline.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/suppress.h"

enum {
    LMM_RUN_FAILED = 125, /* exit status when lmm itself failed, as of env(1) and timeout(1) */
    LMM_RUN_STACKS = 24,
    LMM_RUN_STACKS_MAX = 64,
};

struct lmm_run_options {
    char **argv; /* the program's */
    unsigned stacks;
    const struct lmm_format *format;
    enum lmm_export measure;
    const char *output;    /* NULL: standard error */
    size_t top;            /* 0: not given */
    size_t stacks_per_row; /* 0: not given */
    bool full;
    bool absolute; /* paths */
    bool leaks_only;
    bool generates; /* suppressions */
    bool fill;
    bool children;
    bool waits; /* for processes that outlive the program */
    bool keep;
    bool debuginfod;
    unsigned shown_classes; /* sets of enum lmm_model_class */
    unsigned error_classes;
    const char *gate; /* a glob for programs; NULL: all */
    bool has_baseline;
    struct lmm_baseline baseline;
    bool no_built_in;   /* suppressions */
    int error_exitcode; /* 0: none */
    const char *fit;    /* NULL: not given, here and below */
    const char *temporary;
    const char *options; /* for LMM_OPTIONS; NULL: none */
    const char *library; /* NULL: see lmm_preload_find() */
    struct lmm_suppressions suppressions;
};

/* Reads the command line; exits with LMM_RUN_FAILED when it is wrong. The caller frees the
 * suppressions and the baseline. */
void lmm_run_options_read(int argc, char **argv, struct lmm_run_options *ret_options);

/* Return the words of --fit, --temporary and --options, as lmm_option_word does. */
const char *lmm_run_fit_word(size_t index);
const char *lmm_run_temporary_word(size_t index);
const char *lmm_run_option_word(size_t index);

/* Return what the report shows at most, and how. folder: room for a part of the look, which must
 * live as long as it. */
struct lmm_run_report_bounds lmm_run_options_bounds(const struct lmm_run_options *options);
struct lmm_look lmm_run_options_look(const struct lmm_run_options *options, char folder[PATH_MAX]);

#endif
