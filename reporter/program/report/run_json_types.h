/* SPDX-License-Identifier: MIT */
/* run_json_types: the types in the JSON document of `lmm run`. Errors are the sink's. */
#ifndef LMM_PROGRAM_RUN_JSON_TYPES_H
#define LMM_PROGRAM_RUN_JSON_TYPES_H

#include "reporter/program/report/spots.h"

struct lmm_all_line;
struct lmm_json;
struct lmm_run_report;
struct lmm_run_report_process;

/* Adds "type", that of the blocks of a place that a measure counts, or null. */
void lmm_json_spot_type(struct lmm_json *json, const struct lmm_model *model,
                        const struct lmm_spot *spot, enum lmm_measure measure);

/* Adds likewise that of a line of several processes. */
void lmm_json_line_type(struct lmm_json *json, const struct lmm_all_line *line,
                        enum lmm_measure measure);

/* Adds "types", the types of a process with most bytes at the peak, then what has no type, and
 * "types_left_out". */
void lmm_json_types(struct lmm_json *json, const struct lmm_run_report *run,
                    const struct lmm_run_report_process *process);

/* Adds "types", those of all processes at their peaks. */
void lmm_json_all_types(struct lmm_json *json, const struct lmm_run_report *run);

#endif
