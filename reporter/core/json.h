/* SPDX-License-Identifier: MIT */
/*
 * json: the usage report as one JSON document, for programs. docs/reports.md describes its fields;
 * their meaning never changes within a schema version, and new fields may be added.
 *
 * All figures are exact integers (beyond 2^53 too; a parser that makes doubles of them rounds).
 * Strings are UTF-8; a byte that is no part of well-formed UTF-8 becomes U+FFFD.
 *
 * Locks: none. Nothing here allocates.
 */
#ifndef LMM_REPORTER_JSON_H
#define LMM_REPORTER_JSON_H

struct lmm_model;
struct lmm_sink;

enum {
    LMM_JSON_SCHEMA_VERSION = 1,
};

/*
 * Prints the document, with all families and all sites, and a newline after it.
 * Returns 0, or -errno of the first write that failed.
 */
int lmm_json_usage(const struct lmm_model *model, struct lmm_sink *sink);

#endif
