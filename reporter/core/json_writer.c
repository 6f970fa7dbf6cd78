/* SPDX-License-Identifier: MIT */
#include "reporter/core/json_writer.h"

#include <inttypes.h>

#include "reporter/core/require.h"
#include "reporter/core/sink.h"

enum {
    INDENT = 2,
};

/* Puts one character, or its escape. length 0: the byte at text is not UTF-8. */
static void put_character(struct lmm_sink *sink, const char *text, size_t length,
                          uint32_t character)
{
    if (length == 0) {
        lmm_sink_puts(sink, "\\ufffd");
    } else if (character == '"' || character == '\\') {
        lmm_sink_printf(sink, "\\%c", (int) character);
    } else if (lmm_utf8_steers(character)) {
        lmm_sink_printf(sink, "\\u%04" PRIx32, character);
    } else {
        lmm_sink_write(sink, text, length);
    }
}

static void put_string(struct lmm_sink *sink, struct lmm_string string)
{
    lmm_sink_puts(sink, "\"");
    for (size_t i = 0; i < string.bytes;) {
        uint32_t character = 0;
        size_t length = lmm_utf8_decode(string.text + i, string.bytes - i, &character);

        put_character(sink, string.text + i, length, character);
        i += length == 0 ? 1 : length;
    }
    lmm_sink_puts(sink, "\"");
}

static void put_new_line(struct lmm_json *json)
{
    lmm_sink_puts(json->sink, "\n");
    lmm_sink_pad(json->sink, INDENT * json->depth);
}

/* Puts what stands before a value: the separator and the key. */
static void start_value(struct lmm_json *json, const char *key)
{
    if (json->depth == 0) {
        LMM_REQUIRE(key == NULL);
        return;
    }
    size_t top = json->depth - 1;
    enum lmm_json_layout layout = json->level[top].layout;

    LMM_REQUIRE((key == NULL) == json->level[top].is_array);
    if (json->level[top].has_values) {
        lmm_sink_puts(json->sink, layout == LMM_JSON_ONE_LINE ? ", " : ",");
    }
    if (layout == LMM_JSON_LINES) {
        put_new_line(json);
    }
    if (key != NULL) {
        lmm_sink_printf(json->sink, layout == LMM_JSON_COMPACT ? "\"%s\":" : "\"%s\": ", key);
    }
    json->level[top].has_values = true;
}

static void begin(struct lmm_json *json, const char *key, enum lmm_json_layout layout,
                  bool is_array)
{
    start_value(json, key);
    LMM_REQUIRE(json->depth < LMM_JSON_DEPTH_MAX);
    lmm_sink_puts(json->sink, is_array ? "[" : "{");
    json->level[json->depth].layout = layout;
    json->level[json->depth].is_array = is_array;
    json->level[json->depth].has_values = false;
    json->depth++;
}

static void end(struct lmm_json *json, bool is_array)
{
    LMM_REQUIRE(json->depth > 0 && json->level[json->depth - 1].is_array == is_array);
    json->depth--;
    if (json->level[json->depth].layout == LMM_JSON_LINES && json->level[json->depth].has_values) {
        put_new_line(json);
    }
    lmm_sink_puts(json->sink, is_array ? "]" : "}");
}

void lmm_json_init(struct lmm_json *json, struct lmm_sink *sink)
{
    json->sink = sink;
    json->depth = 0;
}

int lmm_json_finish(struct lmm_json *json)
{
    LMM_REQUIRE(json->depth == 0);
    lmm_sink_puts(json->sink, "\n");
    return lmm_sink_flush(json->sink);
}

void lmm_json_begin_object(struct lmm_json *json, const char *key, enum lmm_json_layout layout)
{
    begin(json, key, layout, false);
}

void lmm_json_end_object(struct lmm_json *json)
{
    end(json, false);
}

void lmm_json_begin_array(struct lmm_json *json, const char *key, enum lmm_json_layout layout)
{
    begin(json, key, layout, true);
}

void lmm_json_end_array(struct lmm_json *json)
{
    end(json, true);
}

void lmm_json_string(struct lmm_json *json, const char *key, struct lmm_string value)
{
    start_value(json, key);
    put_string(json->sink, value);
}

void lmm_json_text(struct lmm_json *json, const char *key, const char *value)
{
    lmm_json_string(json, key, lmm_string_of(value));
}

void lmm_json_u64(struct lmm_json *json, const char *key, uint64_t value)
{
    start_value(json, key);
    lmm_sink_printf(json->sink, "%" PRIu64, value);
}

void lmm_json_i64(struct lmm_json *json, const char *key, int64_t value)
{
    start_value(json, key);
    lmm_sink_printf(json->sink, "%" PRId64, value);
}

void lmm_json_bool(struct lmm_json *json, const char *key, bool value)
{
    start_value(json, key);
    lmm_sink_puts(json->sink, value ? "true" : "false");
}

void lmm_json_null(struct lmm_json *json, const char *key)
{
    start_value(json, key);
    lmm_sink_puts(json->sink, "null");
}

void lmm_json_raw(struct lmm_json *json, const char *key, struct lmm_string value)
{
    start_value(json, key);
    lmm_sink_write(json->sink, value.text, value.bytes);
}
