/* SPDX-License-Identifier: MIT */
/*
 * run_options: the command line of `lmm run [OPTION...] [--] PROGRAM [ARGUMENT...]`. Options end at the
 * program; what stands behind it is its own.
 *
 * Locks: none.
 */
#ifndef LMM_PROGRAM_RUN_OPTIONS_H
#define LMM_PROGRAM_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/report/suppress.h"

struct lmm_format;

enum {
    LMM_RUN_FAILED = 125, /* exit status when lmm itself failed, as env(1) and timeout(1) have it */
    LMM_RUN_STACKS = 24,
    LMM_RUN_STACKS_MAX = 64,
};

struct lmm_run_options {
    char **argv; /* the program's */
    unsigned stacks;
    const struct lmm_format *format;
    const char *output; /* NULL: standard error */
    size_t top;         /* 0: not said */
    bool leaks_only;
    bool fill;
    bool children;
    bool keep;
    bool debuginfod;
    bool no_built_in;    /* suppressions */
    int error_exitcode;  /* 0: none */
    const char *fit;     /* NULL: not said */
    const char *options; /* for LMM_OPTIONS; NULL: none */
    const char *library; /* NULL: the usual one */
    struct lmm_suppressions suppressions;
};

/* Reads the command line; ends this process with LMM_RUN_FAILED when it makes no sense. The suppressions
 * are to be freed by the caller. */
void lmm_run_options_read(int argc, char **argv, struct lmm_run_options *ret_options);

#endif
