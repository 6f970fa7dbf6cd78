/* SPDX-License-Identifier: MIT */
/*
 * json_writer: writes one JSON document into a sink: every JSON document of liblmm and of lmm is
 * made here. Each call adds one value. `key` is its name in an object, a plain ASCII word, and NULL
 * in an array and for the whole document.
 *
 *     lmm_json_init(&json, sink);
 *     lmm_json_begin_object(&json, NULL, LMM_JSON_LINES);
 *     lmm_json_u64(&json, "pid", pid);
 *     lmm_json_end_object(&json);
 *     lmm_json_finish(&json);
 *
 * Integers are exact (beyond 2^53, too; a parser that makes doubles of them rounds). A byte that
 * does not belong to well-formed UTF-8 becomes U+FFFD.
 *
 * Invariants (checked by LMM_REQUIRE in each function):
 *   I1  depth <= LMM_JSON_DEPTH_MAX
 *   I2  a value has a key if and only if it stands in an object
 *   I3  the end that is written belongs to the innermost object or array
 *
 * Locks: none; a writer belongs to one thread. Nothing here allocates. Errors are the sink's.
 */
#ifndef LMM_REPORTER_JSON_WRITER_H
#define LMM_REPORTER_JSON_WRITER_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

struct lmm_sink;

enum {
    LMM_JSON_DEPTH_MAX = 16, /* objects and arrays inside each other */
};

/* How the values of an object or array stand: each on its own line, all on one, or all on one without blanks, for
 * programs. */
enum lmm_json_layout { LMM_JSON_LINES, LMM_JSON_ONE_LINE, LMM_JSON_COMPACT };

struct lmm_json {
    struct lmm_sink *sink;
    size_t depth;
    struct {
        enum lmm_json_layout layout;
        bool is_array;
        bool has_values;
    } level[LMM_JSON_DEPTH_MAX];
};

/* Starts a document. */
void lmm_json_init(struct lmm_json *json, struct lmm_sink *sink);

/* Ends the document with a newline and flushes the sink. Returns 0, or -errno of the first write
 * that failed. */
int lmm_json_finish(struct lmm_json *json);

void lmm_json_begin_object(struct lmm_json *json, const char *key, enum lmm_json_layout layout);
void lmm_json_end_object(struct lmm_json *json);
void lmm_json_begin_array(struct lmm_json *json, const char *key, enum lmm_json_layout layout);
void lmm_json_end_array(struct lmm_json *json);

void lmm_json_string(struct lmm_json *json, const char *key, struct lmm_string value);
void lmm_json_text(struct lmm_json *json, const char *key, const char *value);
void lmm_json_u64(struct lmm_json *json, const char *key, uint64_t value);
void lmm_json_i64(struct lmm_json *json, const char *key, int64_t value);
void lmm_json_bool(struct lmm_json *json, const char *key, bool value);
void lmm_json_null(struct lmm_json *json, const char *key);

/* Adds a value that is JSON already, as it stands. */
void lmm_json_raw(struct lmm_json *json, const char *key, struct lmm_string value);

#endif
