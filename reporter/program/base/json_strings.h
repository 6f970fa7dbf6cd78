/* SPDX-License-Identifier: MIT */
/* json_strings: reads the strings of a JSON document, and where they stand. The document may be
 * damaged or hostile: nothing outside of it is read, and the depth is bounded. */
#ifndef LMM_PROGRAM_JSON_STRINGS_H
#define LMM_PROGRAM_JSON_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/utf8.h"

enum { LMM_JSON_NESTING_MAX = 64 };

/* Where a value stands: for each object or array around it, from the outermost on, the key that
 * leads on in it; an empty one in an array. */
struct lmm_json_place {
    size_t depth;
    struct lmm_string keys[LMM_JSON_NESTING_MAX];
};

/* Takes a string, without its quotes, its escapes as they are. Returns whether to continue. */
typedef bool (*lmm_json_string_fn)(void *context, const struct lmm_json_place *place,
                                   struct lmm_string text);

/* Calls take() for each string that is a value. Returns whether the document was read to its end: false
 * when it is damaged, or deeper than LMM_JSON_NESTING_MAX, or when take() stopped. */
bool lmm_json_strings(const char *bytes, size_t size, lmm_json_string_fn take, void *context);

/* Returns whether the key at a depth is this one. */
bool lmm_json_is_key(const struct lmm_json_place *place, size_t depth, const char *key);

#endif
