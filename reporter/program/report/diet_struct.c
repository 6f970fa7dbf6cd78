/* SPDX-License-Identifier: MIT */
/* diet_struct: the fields of a struct, as pahole prints them: each with its place and size, and the holes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/diet_print.h"
#include "reporter/program/types/type_name.h"

enum {
    FIELD_COLUMNS = 46, /* of a field before its place */
    INDENT = 4,
    OUTER_COLUMNS = 40,
};

void lmm_diet_write_field(const struct lmm_field *field, char text[LMM_DIET_FIELD_BYTES])
{
    char type[LMM_TYPE_NAME_MAX];
    const char *name = field->name == NULL ? "" : field->name;
    const char *blank = "";
    size_t head;

    lmm_type_name(&field->type, type);
    const char *inside = strstr(type, "(*)");
    const char *bracket =
        type[0] == '\0' || type[strlen(type) - 1] != ']' ? NULL : strchr(type, '[');

    head = inside != NULL    ? (size_t) (inside - type) + 2
           : bracket != NULL ? (size_t) (bracket - type)
                             : strlen(type);
    if (inside == NULL && name[0] != '\0' && head > 0 && type[head - 1] != '*') {
        blank = " ";
    }
    int length = snprintf(text, LMM_DIET_FIELD_BYTES, "%.*s%s%.*s%s", (int) head, type, blank,
                          LMM_TYPE_NAME_MAX / 2, name, type + head);

    if (field->kind == LMM_FIELD_BITS && length > 0 && length < LMM_DIET_FIELD_BYTES) {
        snprintf(text + length, (size_t) (LMM_DIET_FIELD_BYTES - length), " : %" PRIu64,
                 field->bits);
    }
}

/* Puts a name of the program's in so many columns at least. */
static void put_padded(struct lmm_sink *sink, const char *text, size_t columns)
{
    size_t width = lmm_put_string(sink, lmm_string_of(text));

    lmm_sink_pad(sink, width < columns ? columns - width : 0);
}

static void put_field(const struct lmm_field *field, struct lmm_sink *sink)
{
    char text[LMM_DIET_FIELD_BYTES];
    size_t used = 0;

    text[0] = '\0';
    lmm_sink_pad(sink, INDENT);
    if (field->kind == LMM_FIELD_BASE) {
        lmm_sink_puts(sink, "base ");
        used = strlen("base ");
    }
    lmm_diet_write_field(field, text);
    strncat(text, ";", sizeof(text) - strlen(text) - 1);
    put_padded(sink, text, FIELD_COLUMNS - INDENT - used);
    if (field->kind == LMM_FIELD_BITS) {
        lmm_sink_printf(sink, "  /* %5" PRIu64 ":%-2" PRIu64 "      */\n", field->bit / 8,
                        field->bit % 8);
    } else {
        lmm_sink_printf(sink, "  /* %5" PRIu64 " %8" PRIu64 " */\n", field->bit / 8, field->bytes);
    }
}

static void put_gap(uint64_t bytes, const char *words, struct lmm_sink *sink)
{
    if (bytes > 0) {
        lmm_sink_printf(sink, "    /* %" PRIu64 " %s %s */\n", bytes,
                        lmm_plural(bytes, "byte", "bytes"), words);
    }
}

static void put_fields(const struct lmm_field *fields, size_t count, uint64_t bytes,
                       struct lmm_sink *sink)
{
    for (size_t i = 0; i < count; i++) {
        put_gap(lmm_fields_gap(fields, count, i, bytes), "hole", sink);
        put_field(&fields[i], sink);
    }
    put_gap(lmm_fields_gap(fields, count, count, bytes), "at the end", sink);
    lmm_sink_printf(sink, "}; /* %" PRIu64 " bytes */\n", bytes);
}

static const char *why_not(const struct lmm_layout *layout)
{
    switch (layout->state) {
    case LMM_LAYOUT_BETTER: return NULL;
    case LMM_LAYOUT_ALIGNED: return "it is aligned by hand";
    case LMM_LAYOUT_FOREIGN: return "its compiler orders the fields itself";
    case LMM_LAYOUT_UNKNOWN:
        return "its layout is not understood: packed, virtual bases, or fields without a name";
    default: return "no order of its fields takes fewer bytes";
    }
}

/* Puts "20 blocks live, 640 bytes". */
static void put_amount(const struct lmm_diet *diet, struct lmm_model_amount amount,
                       struct lmm_sink *sink)
{
    lmm_put_count(sink, amount.blocks, "block", "blocks");
    lmm_sink_puts(sink, diet->is_at_peak ? " at the peak, " : " live, ");
    lmm_put_bytes(sink, amount.bytes);
}

static void put_outer(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                      const struct lmm_look *look, struct lmm_sink *sink)
{
    lmm_sink_puts(sink, "In ");
    lmm_shown_put_function(look, sink, type->in->type.element, OUTER_COLUMNS);
    if (type->in_count > 1) {
        lmm_sink_puts(sink, " and ");
        lmm_put_count(sink, type->in_count - 1, "more type", "more types");
    }
    lmm_sink_puts(sink, ": ");
    put_amount(diet, type->in_amount, sink);
    lmm_sink_puts(sink, ": saves ");
    lmm_put_bytes(sink, type->in_saves_bytes);
    lmm_sink_puts(sink, "\n");
}

static void put_saving(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                       struct lmm_sink *sink)
{
    put_amount(diet, type->amount, sink);
    if (type->saves_bytes > 0) {
        lmm_sink_puts(sink, ": saves ");
        lmm_put_bytes(sink, type->saves_bytes);
    } else if (diet->slots.is_drop_in) {
        lmm_sink_printf(sink,
                        ": saves nothing for sure; a single one takes a slot of %" PRIu64
                        " bytes before, %" PRIu64 " after",
                        lmm_slots_of(&diet->slots, type->layout.bytes),
                        lmm_slots_of(&diet->slots, type->layout.order_bytes));
    }
    lmm_sink_puts(sink, "\n");
}

void lmm_diet_put_struct(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                         const struct lmm_look *look, struct lmm_sink *sink)
{
    const struct lmm_layout *layout = &type->layout;
    const char *reason;

    lmm_put_string(sink, type->type.element);
    lmm_sink_puts(sink, " {");
    if (type->type.line != 0) {
        lmm_sink_puts(sink, "  /* ");
        lmm_shown_put_place(look, sink, type->type.file, type->type.line, lmm_string_of(""),
                            LMM_SHOWN_COLUMNS);
        lmm_sink_puts(sink, " */");
    }
    lmm_sink_puts(sink, "\n");
    if (!type->has_layout) {
        lmm_sink_puts(sink, "    /* its fields were not found in the debug information */\n};\n");
        return;
    }
    put_fields(layout->fields, layout->count, layout->bytes, sink);
    reason = why_not(layout);
    if (reason != NULL) {
        lmm_sink_printf(sink, "No other order: %s.\n", reason);
        return;
    }
    lmm_sink_puts(sink, "\nIn a better order:\n");
    lmm_put_string(sink, type->type.element);
    lmm_sink_puts(sink, " {\n");
    put_fields(layout->order, layout->count, layout->order_bytes, sink);
    if (type->site_count > 0) {
        put_saving(diet, type, sink);
    }
    if (type->in != NULL) {
        put_outer(diet, type, look, sink);
    }
}
