/* SPDX-License-Identifier: MIT */
/* run_render: the report of run_report.h in the format that the user names. Stateless. */
#ifndef LMM_PROGRAM_RUN_RENDER_H
#define LMM_PROGRAM_RUN_RENDER_H

struct lmm_format;
struct lmm_run_report;
struct lmm_sink;

/* Prints the report; format: not one of LMM_FORMAT_DATA. Returns 0, -ENOMEM, or -errno of the first
 * write that failed. The spots are sorted anew. */
int lmm_run_report_render(const struct lmm_run_report *run, const struct lmm_format *format,
                          struct lmm_sink *sink);

#endif
