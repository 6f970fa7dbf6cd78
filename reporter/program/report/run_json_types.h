/* SPDX-License-Identifier: MIT */
/* run_json_types: the types in the JSON document of `lmm run`. Errors are the sink's. */
#ifndef LMM_PROGRAM_RUN_JSON_TYPES_H
#define LMM_PROGRAM_RUN_JSON_TYPES_H

struct lmm_json;
struct lmm_model;
struct lmm_run_report;
struct lmm_run_report_process;
struct lmm_spot;

/* Adds "type", that of all blocks of a place, or null. */
void lmm_json_spot_type(struct lmm_json *json, const struct lmm_model *model,
                        const struct lmm_spot *spot);

/* Adds "types", the types of a process with most bytes at the peak, then what has no type, and
 * "types_left_out". */
void lmm_json_types(struct lmm_json *json, const struct lmm_run_report *run,
                    const struct lmm_run_report_process *process);

#endif
