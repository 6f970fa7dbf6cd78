/* SPDX-License-Identifier: MIT */
/* diet_json: a diet as one JSON document. */
#include "reporter/core/json_writer.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/diet_print.h"
#include "reporter/program/types/type_name.h"

static void put_fields(struct lmm_json *json, const char *key, const struct lmm_field *fields,
                       size_t count)
{
    static const char *const kinds[] = {"vtable", "base", "member", "bits", "tail"};

    lmm_json_begin_array(json, key, LMM_JSON_LINES);
    for (size_t i = 0; fields != NULL && i < count; i++) {
        const struct lmm_field *field = &fields[i];
        char type[LMM_TYPE_NAME_MAX];

        lmm_type_name(&field->type, type);
        lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
        lmm_json_text(json, "name", field->name == NULL ? "" : field->name);
        lmm_json_text(json, "kind", kinds[field->kind]);
        lmm_json_text(json, "type", type);
        lmm_json_u64(json, "bit", field->bit);
        lmm_json_u64(json, "bytes", field->bytes);
        lmm_json_u64(json, "bits", field->bits);
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
}

static void put_struct(struct lmm_json *json, const struct lmm_diet_type *type)
{
    static const char *const states[] = {"best", "better", "aligned", "foreign", "unknown"};
    const struct lmm_layout *layout = &type->layout;

    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_string(json, "type", type->type.element);
    lmm_json_string(json, "file", type->type.file);
    lmm_json_u64(json, "line", type->type.line);
    lmm_json_u64(json, "blocks", type->amount.blocks);
    lmm_json_u64(json, "bytes", type->amount.bytes);
    lmm_json_u64(json, "struct_bytes", layout->bytes);
    lmm_json_u64(json, "hole_bytes", layout->hole_bytes);
    lmm_json_u64(json, "holes", layout->hole_count);
    lmm_json_u64(json, "padding_bytes", layout->padding_bytes);
    lmm_json_text(json, "order", states[layout->state]);
    lmm_json_u64(json, "better_bytes", layout->order_bytes);
    lmm_json_u64(json, "saves_bytes", type->saves_bytes);
    lmm_json_u64(json, "outer_blocks", type->in_amount.blocks);
    lmm_json_u64(json, "outer_bytes", type->in_amount.bytes);
    lmm_json_u64(json, "outer_saves_bytes", type->in_saves_bytes);
    put_fields(json, "fields", layout->fields, layout->count);
    put_fields(json, "better_fields", layout->order, layout->count);
    lmm_json_end_object(json);
}

int lmm_diet_put_json(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                      struct lmm_sink *sink)
{
    struct lmm_json json;
    const struct lmm_hints hints = lmm_diet_hints(diet);
    size_t shown = diet->hint_count < look->rows ? diet->hint_count : look->rows;

    lmm_json_init(&json, sink);
    lmm_json_begin_object(&json, NULL, LMM_JSON_LINES);
    lmm_json_text(&json, "schema", "lmm-diet");
    lmm_json_u64(&json, "schema_version", LMM_DIET_SCHEMA_VERSION);
    lmm_json_string(&json, "program", diet->model->program);
    lmm_json_u64(&json, "pid", diet->model->pid);
    lmm_json_text(&json, "at", diet->is_at_peak ? "peak" : "live");
    lmm_json_u64(&json, "bytes",
                 diet->is_at_peak ? diet->model->peak_bytes : diet->model->total.live_bytes);
    lmm_json_u64(&json, "left_out", diet->hint_count - shown);
    lmm_json_hints(&json, &hints, shown);
    lmm_json_begin_array(&json, "structs", LMM_JSON_LINES);
    for (size_t i = 0; i < diet->type_count; i++) {
        if (diet->types[i].has_layout && diet->types[i].is_wanted) {
            put_struct(&json, &diet->types[i]);
        }
    }
    for (size_t i = 0; i < diet->inner_count; i++) {
        if (diet->inner[i].is_wanted) {
            put_struct(&json, &diet->inner[i]);
        }
    }
    lmm_json_end_array(&json);
    if (look->fields != NULL) {
        lmm_json_census(&json, look->fields);
    }
    if (look->fields_gap != NULL && look->fields_gap[0] != '\0') {
        lmm_json_text(&json, "census_gap", look->fields_gap);
    }
    lmm_json_end_object(&json);
    return lmm_json_finish(&json);
}
