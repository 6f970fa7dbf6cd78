/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_hints.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/json_writer.h"
#include "reporter/program/page/page_tables.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/types/type_name.h"

static const struct lmm_string nothing = {"", 0};

/* Returns the row of a type, or of arrays of it. */
static int32_t row_of_type(const struct lmm_page_tables *tables, struct lmm_string name)
{
    int32_t row = name.bytes == 0 ? LMM_PAGE_NONE : lmm_page_tables_type(tables, name);
    char *array = NULL;

    if (row == LMM_PAGE_NONE && name.bytes > 0) {
        array = malloc(name.bytes + strlen("[]"));
    }
    if (array != NULL) {
        memcpy(array, name.text, name.bytes);
        memcpy(array + name.bytes, "[]", strlen("[]"));
        row = lmm_page_tables_type(tables, (struct lmm_string) {array, name.bytes + strlen("[]")});
    }
    free(array);
    return row;
}

static void put_hint(struct lmm_json *json, const struct lmm_page_tables *tables,
                     const struct lmm_hint *hint)
{
    int32_t line = hint->file.bytes == 0 || hint->line == 0
                       ? LMM_PAGE_NONE
                       : lmm_page_tables_line(tables, hint->file, hint->line, nothing);

    lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
    lmm_json_text(json, "kind", lmm_hint_word(hint->kind));
    lmm_json_u64(json, "saves_bytes", hint->saves_bytes);
    lmm_json_text(json, "text", hint->text);
    lmm_json_i64(json, "type", row_of_type(tables, lmm_string_of(hint->type)));
    lmm_json_i64(json, "line", line);
    lmm_json_end_object(json);
}

void lmm_page_put_hints(struct lmm_json *json, const struct lmm_page_tables *tables,
                        const struct lmm_diet *diet)
{
    size_t count = diet == NULL ? 0 : diet->hint_count;

    lmm_json_begin_array(json, "hints", LMM_JSON_COMPACT);
    for (size_t i = 0; i < count && i < LMM_PAGE_HINTS_MAX; i++) {
        put_hint(json, tables, &diet->hints[i]);
    }
    lmm_json_end_array(json);
}

/* ---- Layouts --------------------------------------------------------------------------------- */

static void put_field(struct lmm_json *json, const struct lmm_field *field)
{
    char type[LMM_TYPE_NAME_MAX];

    lmm_type_name(&field->type, type);
    lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
    lmm_json_text(json, "name", field->name == NULL ? "" : field->name);
    lmm_json_text(json, "type", type);
    lmm_json_u64(json, "offset", field->bit / 8);
    lmm_json_u64(json, "bytes", field->bytes);
    if (field->kind == LMM_FIELD_BITS) {
        lmm_json_u64(json, "bits", field->bits);
    } else {
        lmm_json_null(json, "bits");
    }
    lmm_json_end_object(json);
}

static int compare_fields(const void *left, const void *right)
{
    return lmm_compare_u64((*(const struct lmm_field *const *) left)->bit,
                           (*(const struct lmm_field *const *) right)->bit);
}

/* Adds the fields in the order of their places; none if memory ran out. */
static void put_fields(struct lmm_json *json, const struct lmm_layout *layout)
{
    const struct lmm_field **order = calloc(layout->count + 1, sizeof(const struct lmm_field *));

    lmm_json_begin_array(json, "fields", LMM_JSON_COMPACT);
    for (size_t i = 0; i < layout->count && order != NULL; i++) {
        order[i] = &layout->fields[i];
    }
    if (order != NULL) {
        qsort((void *) order, layout->count, sizeof(const struct lmm_field *), compare_fields);
    }
    for (size_t i = 0; i < layout->count && i < LMM_PAGE_FIELDS_MAX && order != NULL; i++) {
        put_field(json, order[i]);
    }
    lmm_json_end_array(json);
    free((void *) order);
}

static void put_layout(struct lmm_json *json, int32_t row, const struct lmm_layout *layout)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
    lmm_json_i64(json, "type", row);
    lmm_json_u64(json, "bytes", layout->bytes);
    if (layout->state == LMM_LAYOUT_BETTER) {
        lmm_json_u64(json, "better_bytes", layout->order_bytes);
    } else {
        lmm_json_null(json, "better_bytes");
    }
    put_fields(json, layout);
    lmm_json_end_object(json);
}

void lmm_page_put_layouts(struct lmm_json *json, const struct lmm_page_tables *tables,
                          const struct lmm_diet *diet)
{
    size_t left = LMM_PAGE_LAYOUTS_MAX;

    lmm_json_begin_array(json, "layouts", LMM_JSON_COMPACT);
    for (size_t i = 0; diet != NULL && i < diet->type_count && left > 0; i++) {
        const struct lmm_diet_type *type = &diet->types[i];
        int32_t row = type->has_layout ? row_of_type(tables, type->type.element) : LMM_PAGE_NONE;

        if (row != LMM_PAGE_NONE) {
            put_layout(json, row, &type->layout);
            left--;
        }
    }
    lmm_json_end_array(json);
}
