/* SPDX-License-Identifier: MIT */
/* timeline_json: a timeline in the JSON documents of lmm: the columns and marks that docs/page.schema.json
 * and docs/run.schema.json have alike. */
#ifndef LMM_PROGRAM_TIMELINE_JSON_H
#define LMM_PROGRAM_TIMELINE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "reporter/program/history/timeline.h"

struct lmm_json;

/* Puts the columns of points and the list of marks into the object that is open: time_ms, live_bytes
 * and so on, and marks. */
void lmm_json_timeline(struct lmm_json *json, const struct lmm_timeline *timeline);

/* The same from a point and a mark on. */
void lmm_json_timeline_from(struct lmm_json *json, const struct lmm_timeline *timeline,
                            size_t point, size_t mark);

/* Puts the column of a row of series, as an array of that key. */
void lmm_json_timeline_row(struct lmm_json *json, const char *key,
                           const struct lmm_timeline_series *series, size_t row);

/* Returns the word of a kind of marks, such as "leak_check". */
const char *lmm_timeline_mark_word(enum lmm_timeline_mark_kind kind);

#endif
