/* SPDX-License-Identifier: MIT */
/*
 * run_ci: the check for leaks of `lmm run` and `lmm report` for CI systems.
 *
 * JUnit: a test suite for each process, and in it a failed case for each line that makes the check
 * fail, or one case that passed, or one with an error, if the process could not be checked.
 * SARIF 2.1.0: a result for each line that lost memory; what could not be checked is a notification.
 *
 * Both have all lines, but of each only as many stacks as the report's bounds say.
 */
#ifndef LMM_PROGRAM_RUN_CI_H
#define LMM_PROGRAM_RUN_CI_H

struct lmm_run_report;
struct lmm_sink;

/* Print the documents. Return 0, or -errno of the first write that failed. The spots are sorted
 * anew. */
int lmm_run_report_junit(const struct lmm_run_report *run, struct lmm_sink *sink);
int lmm_run_report_sarif(const struct lmm_run_report *run, struct lmm_sink *sink);

#endif
