/* SPDX-License-Identifier: MIT */
/* run_json_series: the figures over time in the JSON document of `lmm run`. */
#ifndef LMM_PROGRAM_RUN_JSON_SERIES_H
#define LMM_PROGRAM_RUN_JSON_SERIES_H

struct lmm_json;
struct lmm_run_report;
struct lmm_run_report_process;

/* Adds "series" of a process: the totals, the types and the lines that had most live bytes, and marks;
 * null: nothing was sampled. When memory runs out, the sink's error says so. */
void lmm_json_series(struct lmm_json *json, const struct lmm_run_report *run,
                     const struct lmm_run_report_process *process);

#endif
