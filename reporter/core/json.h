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
struct lmm_sink;

enum {
    LMM_JSON_SCHEMA_VERSION = 1,
};

/* Prints the document, with all families and all sites, and a newline after it.
 * Returns 0, or -errno of the first write that failed. */
int lmm_json_usage(const struct lmm_model *model, struct lmm_sink *sink);

/* Adds an array of the calls of a stack, at most `most` of them, for all documents with stacks. */
void lmm_json_stack(struct lmm_json *json, const char *key, const struct lmm_model *model,
                    uint32_t stack, size_t most, enum lmm_json_layout layout);

#endif
