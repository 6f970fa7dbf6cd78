/* SPDX-License-Identifier: MIT */
/* census_json: what was seen in fields, as a part of the JSON document of a diet. */
#include "reporter/core/json_writer.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/diet_print.h"
#include "reporter/program/report/field_census.h"

static void put_value(struct lmm_json *json, const char *key, const struct lmm_leaf *leaf,
                      uint64_t value)
{
    if (leaf->kind == LMM_LEAF_SIGNED) {
        lmm_json_i64(json, key, (int64_t) value);
    } else {
        lmm_json_u64(json, key, value);
    }
}

static void put_row(struct lmm_json *json, const struct lmm_census_row *row)
{
    static const char *const kinds[] = {"unsigned", "signed", "pointer", "other", "bytes"};
    const struct lmm_leaf *leaf = row->leaf;
    char type[LMM_TYPE_NAME_MAX];

    lmm_type_name(&leaf->type, type);
    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_text(json, "name", leaf->name);
    lmm_json_text(json, "type", type);
    lmm_json_text(json, "kind", kinds[leaf->kind]);
    lmm_json_u64(json, "bit", leaf->bit);
    lmm_json_u64(json, "bits", leaf->bits);
    lmm_json_u64(json, "element_bytes", leaf->element_bytes);
    lmm_json_text(json, "finding", lmm_field_finding_word(row->finding));
    lmm_json_u64(json, "needed_bytes", row->needed_bytes);
    lmm_json_u64(json, "elements", row->figures.elements);
    lmm_json_u64(json, "zeros", row->figures.zeros);
    lmm_json_u64(json, "sames", row->figures.sames);
    put_value(json, "first", leaf, row->figures.first);
    put_value(json, "least", leaf, row->figures.least);
    put_value(json, "most", leaf, row->figures.most);
    lmm_json_u64(json, "before_bytes", row->before_bytes);
    lmm_json_u64(json, "after_bytes", row->after_bytes);
    lmm_json_u64(json, "saves_bytes", row->saves_bytes);
    lmm_json_end_object(json);
}

static void put_type(struct lmm_json *json, const struct lmm_field_census *census,
                     const struct lmm_census_type *type)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_string(json, "type", type->type->type.element);
    lmm_json_u64(json, "struct_bytes", type->type->type.bytes);
    lmm_json_bool(json, "read", type->is_asked);
    lmm_json_u64(json, "blocks", type->blocks);
    lmm_json_u64(json, "elements", type->elements);
    lmm_json_u64(json, "skipped", type->skipped);
    lmm_json_u64(json, "after_bytes", type->after_bytes);
    lmm_json_u64(json, "saves_bytes", type->saves_bytes);
    lmm_json_begin_array(json, "fields", LMM_JSON_LINES);
    for (size_t i = 0; i < census->row_count; i++) {
        if (census->rows[i].type == type->type) {
            put_row(json, &census->rows[i]);
        }
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
}

void lmm_json_census(struct lmm_json *json, const struct lmm_field_census *census)
{
    lmm_json_begin_array(json, "census", LMM_JSON_LINES);
    for (size_t i = 0; i < census->type_count; i++) {
        put_type(json, census, &census->types[i]);
    }
    lmm_json_end_array(json);
}
