/* SPDX-License-Identifier: MIT */
/* json_value: see json_value.h for the contract. */
#include "reporter/program/base/json_value.h"

#include <stdlib.h>

#include "reporter/program/base/names.h"

json_t *lmm_json_number(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t) value);
}

json_t *lmm_json_string(struct lmm_string text)
{
    char *name = lmm_name_utf8(text);
    json_t *value = name == NULL ? NULL : json_string(name);

    free(name);
    return value;
}
