/* SPDX-License-Identifier: MIT */
/* The JSON writer: layout, numbers, and what becomes of odd strings. */
#include "reporter/core/json_writer.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/core/sink.h"
#include "tests/support/output.h"

static struct output page;
static struct lmm_json json;
static struct lmm_sink sink;

static void open_page(void)
{
    page = (struct output) {.used = 0};
    lmm_sink_init(&sink, output_take, &page);
    lmm_json_init(&json, &sink);
}

TestSuite(json_writer, .init = open_page);

static void expect_page(const char *expected)
{
    cr_expect_eq(lmm_json_finish(&json), 0);
    cr_expect_str_eq(page.bytes, expected);
}

Test(json_writer, layouts_may_be_inside_each_other)
{
    lmm_json_begin_object(&json, NULL, LMM_JSON_LINES);
    lmm_json_u64(&json, "most", UINT64_MAX);
    lmm_json_i64(&json, "least", INT64_MIN);
    lmm_json_begin_array(&json, "empty", LMM_JSON_LINES);
    lmm_json_end_array(&json);
    lmm_json_begin_object(&json, "none", LMM_JSON_ONE_LINE);
    lmm_json_end_object(&json);
    lmm_json_begin_array(&json, "list", LMM_JSON_LINES);
    lmm_json_begin_object(&json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_bool(&json, "yes", true);
    lmm_json_bool(&json, "no", false);
    lmm_json_end_object(&json);
    lmm_json_null(&json, NULL);
    lmm_json_end_array(&json);
    lmm_json_end_object(&json);
    expect_page("{\n"
                "  \"most\": 18446744073709551615,\n"
                "  \"least\": -9223372036854775808,\n"
                "  \"empty\": [],\n"
                "  \"none\": {},\n"
                "  \"list\": [\n"
                "    {\"yes\": true, \"no\": false},\n"
                "    null\n"
                "  ]\n"
                "}\n");
}

Test(json_writer, a_compact_document_has_no_blanks)
{
    lmm_json_begin_object(&json, NULL, LMM_JSON_COMPACT);
    lmm_json_u64(&json, "a", 1);
    lmm_json_begin_array(&json, "b", LMM_JSON_COMPACT);
    lmm_json_null(&json, NULL);
    lmm_json_text(&json, NULL, "c");
    lmm_json_end_array(&json);
    lmm_json_end_object(&json);
    expect_page("{\"a\":1,\"b\":[null,\"c\"]}\n");
}

Test(json_writer, strings_are_escaped)
{
    static const char *const cases[][2] = {
        {"", "\"\"\n"},
        {"caf\xc3\xa9\xff\x1b\\", "\"caf\xc3\xa9\\ufffd\\u001b\\\\\"\n"},
        {"\xe2\x80", "\"\\ufffd\\ufffd\"\n"},
        {"a\"b\n\x7f", "\"a\\\"b\\u000a\\u007f\"\n"},
        {"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\"\\u0080\\u009b\\u009f\xc2\xa0\"\n"},
        {"\xd8\x9c\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9", "\"\\u061c\\u202e\\u2066\\u2069\"\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_page();
        lmm_json_text(&json, NULL, cases[i][0]);
        expect_page(cases[i][1]);
    }
}
