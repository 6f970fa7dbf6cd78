/* SPDX-License-Identifier: MIT */
/*
 * json: the usage report as one JSON document, for programs. docs/reports.md describes its fields;
 * their meaning never changes within a schema version, and new fields may be added.
 *
 * Locks: none. Nothing here allocates.
 */
#ifndef LMM_REPORTER_JSON_H
#define LMM_REPORTER_JSON_H

#include "reporter/core/json_writer.h"

struct lmm_model;
struct lmm_model_call;
struct lmm_sink;

enum {
    LMM_JSON_SCHEMA_VERSION = 1,
};

/* Prints the document, with all families and all sites, and a newline after it.
 * Returns 0, or -errno of the first write that failed. */
int lmm_json_usage(const struct lmm_model *model, struct lmm_sink *sink);

/* Adds a call of a stack to the array in which *json stands, for all documents that have stacks. */
void lmm_json_call(struct lmm_json *json, const struct lmm_model_call *call,
                   enum lmm_json_layout layout);

#endif
