/* SPDX-License-Identifier: MIT */
/* run_json_check: what the JSON report of `lmm run` has of the leak check. */
#ifndef LMM_PROGRAM_RUN_JSON_CHECK_H
#define LMM_PROGRAM_RUN_JSON_CHECK_H

#include "reporter/core/model.h"

struct lmm_json;
struct lmm_run_report;
struct lmm_run_report_process;

/* Writes {"blocks": 3, "bytes": 120}. key: NULL in an array. */
void lmm_json_amount(struct lmm_json *json, const char *key, struct lmm_model_amount amount);

/* Writes the keys "not_checked", "check" and "lost" of a process. The spots are sorted anew. */
void lmm_json_leak_check(struct lmm_json *json, const struct lmm_run_report *run,
                         const struct lmm_run_report_process *process);

#endif
