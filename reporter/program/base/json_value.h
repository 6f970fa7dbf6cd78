/* SPDX-License-Identifier: MIT */
/*
 * json_value: the values of JSON documents that jansson writes (diff, run).
 *
 * Each returns a new reference, which json_object_set_new() or json_pack()'s "o" takes over, or NULL when
 * there is no memory, which they take for a failure. Locks: none.
 */
#ifndef LMM_PROGRAM_JSON_VALUE_H
#define LMM_PROGRAM_JSON_VALUE_H

#include <jansson.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

/* A figure; one beyond what a JSON integer of jansson's holds is that. */
json_t *lmm_json_number(uint64_t value);

/* A name, whatever bytes it is made of, as UTF-8. */
json_t *lmm_json_string(struct lmm_string text);

#endif
