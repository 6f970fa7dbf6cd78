/* SPDX-License-Identifier: MIT */
/* run_options: the command line of `lmm run [OPTION...] [--] PROGRAM [ARGUMENT...]`. Options of
 * `lmm run` end at the program; its arguments follow. */
#ifndef LMM_PROGRAM_RUN_OPTIONS_H
#define LMM_PROGRAM_RUN_OPTIONS_H

#include "reporter/program/formats/format.h"
#include "reporter/program/report/baseline.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/report_options.h"

enum {
    LMM_RUN_FAILED = 125, /* exit status when lmm itself failed, as of env(1) and timeout(1) */
    LMM_RUN_STACKS = 24,
    LMM_RUN_STACKS_MAX = 64,
    LMM_RUN_SAMPLE_MS_MAX = 3600 * 1000,
};

struct lmm_run_options {
    char **argv; /* the program's */
    unsigned stacks;
    const struct lmm_format *format;
    enum lmm_export measure;
    const char *output; /* NULL: standard error */
    const char *html;   /* of pages; NULL: none */
    struct lmm_loss_options losses;
    struct lmm_extent_options extent;
    struct lmm_select select; /* --type */
    bool leaks_only;
    bool no_hints;
    bool generates; /* suppressions */
    bool fill;
    bool retained;
    bool checks_matching;
    bool children;
    bool waits; /* for processes that outlive the program */
    bool keep;
    bool debuginfod;
    bool is_sampled;        /* --sample is not off */
    unsigned sample_ms;     /* 0: see sampler.h */
    unsigned error_classes; /* a set of enum lmm_model_class */
    const char *gate;       /* a glob for programs; NULL: all */
    bool has_baseline;
    struct lmm_baseline baseline;
    int error_exitcode; /* 0: none */
    const char *fit;    /* NULL: not given, here and below */
    const char *temporary;
    const char *options; /* for LMM_OPTIONS; NULL: none */
    const char *library; /* NULL: see lmm_preload_find() */
};

/* Reads the command line; exits with LMM_RUN_FAILED when it is wrong. The caller frees the
 * suppressions, the baseline, and what is selected. */
void lmm_run_options_read(int argc, char **argv, struct lmm_run_options *ret_options);

/* Return the words of --fit, --temporary and --options, as lmm_option_word does. */
const char *lmm_run_fit_word(size_t index);
const char *lmm_run_temporary_word(size_t index);
const char *lmm_run_option_word(size_t index);

/* Returns whether figures over time are sampled: the report has them, and the user does not forbid it. */
bool lmm_run_options_sample(const struct lmm_run_options *options);

/* Returns whether the report fits on a screen or two unless lmm_extent_argp's options make it longer. */
bool lmm_run_options_are_brief(const struct lmm_run_options *options);

#endif
