/* SPDX-License-Identifier: MIT */
/* page_series: figures over time in a page's document. Stateless. */
#ifndef LMM_PROGRAM_PAGE_SERIES_H
#define LMM_PROGRAM_PAGE_SERIES_H

#include <stdbool.h>

struct lmm_json;
struct lmm_model;
struct lmm_page_tables;
struct lmm_timeline;
struct lmm_timeline_series;

/* Finds the types, or else the lines, with most live bytes over time, as lmm_timeline_largest() does; tables and model as
 * below. Returns false when memory ran out. */
bool lmm_page_series_rows(const struct lmm_page_tables *tables, const struct lmm_model *model,
                          const struct lmm_timeline *timeline, bool by_type,
                          struct lmm_timeline_series *ret_series);

/*
 * Adds "series": the totals, and the types and lines with most live bytes. tables: have read `model`
 * last, a model of the timeline's process. timeline: NULL, or without points: null. Returns false when memory ran
 * out: then rows are missing. wants_changes: rows are put as changes where these are exact. Cost: linear in the timeline.
 */
bool lmm_page_put_series(struct lmm_json *json, const struct lmm_page_tables *tables,
                         const struct lmm_model *model, const struct lmm_timeline *timeline,
                         bool wants_changes);

#endif
