/* SPDX-License-Identifier: MIT */
/* The strings of JSON documents, sound and damaged. */
#include "reporter/program/base/json_strings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char seen[512];

/* Notes "a.b=text;" */
static bool note(void *context, const struct lmm_json_place *place, struct lmm_string text)
{
    size_t used = strlen(seen);

    for (size_t i = 0; i < place->depth; i++) {
        used += (size_t) snprintf(seen + used, sizeof(seen) - used, "%s%.*s", i == 0 ? "" : ".",
                                  (int) place->keys[i].bytes, place->keys[i].text);
    }
    snprintf(seen + used, sizeof(seen) - used, "=%.*s;", (int) text.bytes, text.text);
    return context == NULL;
}

static bool read_text(const char *text, void *context)
{
    size_t bytes = strlen(text);
    char *exact = malloc(bytes + 1);

    cr_assert_not_null(exact);
    memcpy(exact, text, bytes); /* without its NUL: ASan sees any read past it */
    seen[0] = '\0';
    exact = realloc(exact, bytes > 0 ? bytes : 1);
    bool good = lmm_json_strings(exact, bytes, note, context);

    free(exact);
    return good;
}

Test(json_strings, are_told_with_their_place)
{
    static const struct {
        const char *text;
        const char *seen;
    } cases[] = {
        {"\"a\"", "=a;"},
        {"{}", ""},
        {" [ ] ", ""},
        {"{\"a\": \"b\"}", "a=b;"},
        {"{\"a\": {\"b\": \"c\"}, \"d\": \"e\"}", "a.b=c;d=e;"},
        {"{\"a\": [\"b\", {\"c\": \"d\"}, [], \"e\"]}", "a.=b;a..c=d;a.=e;"},
        {"[1, -2.5e+3, true, false, null, \"x\"]", "=x;"},
        {"{\"a\\\"b\": \"c\\\\\"}", "a\\\"b=c\\\\;"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect(read_text(cases[i].text, NULL), "%s", cases[i].text);
        cr_expect_str_eq(seen, cases[i].seen, "%s: %s", cases[i].text, seen);
    }
}

Test(json_strings, of_damaged_documents_end_with_them)
{
    static const char *const texts[] = {
        "",       " ",       "{",          "}",         "[",           "{\"a\"}", "{\"a\":}",
        "[1,]",   "[1 2]",   "{\"a\": 1,", "\"a",       "\"a\\",       "[\"a\"}", "{\"a\": 1]",
        "{1: 2}", "[1] [2]", "?",          "{\"a\" 1}", "{\"a\":1,,}", "[}",      "{,}",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cr_expect_not(read_text(texts[i], NULL), "%s", texts[i]);
    }
    char deep[200];

    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    cr_expect_not(read_text(deep, NULL));
}

Test(json_strings, stop_when_told_to)
{
    int context = 0;

    cr_expect_not(read_text("[\"a\", \"b\"]", &context));
    cr_expect_str_eq(seen, "=a;");
}
