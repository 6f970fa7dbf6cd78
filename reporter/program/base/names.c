/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/sink.h"
#include "reporter/core/words.h"

enum {
    ESCAPED_MAX = 4,      /* bytes that one byte of a name becomes: \xNN */
    PLACE_WORDS_MAX = 32, /* bytes of a place without its names */
};

/* Appends to the text that *context points to; the caller has made enough room. */
static int append(void *context, const char *data, size_t bytes)
{
    char **end = context;

    assert(*end != NULL);
    memcpy(*end, data, bytes);
    *end += bytes;
    return 0;
}

char *lmm_name_escaped(struct lmm_string string)
{
    struct lmm_sink sink;
    char *name = calloc(string.bytes + 1, ESCAPED_MAX);
    char *end = name;

    if (name != NULL) {
        lmm_sink_init(&sink, append, &end);
        lmm_put_string(&sink, string);
        lmm_sink_flush(&sink);
    }
    return name;
}

char *lmm_name_exact(struct lmm_string string)
{
    return strndup(string.text, string.bytes);
}

char *lmm_name_place(struct lmm_string file, uint32_t line, struct lmm_string function)
{
    struct lmm_sink sink;
    char *place = calloc(file.bytes + function.bytes + PLACE_WORDS_MAX, ESCAPED_MAX);
    char *end = place;

    if (place != NULL) {
        lmm_sink_init(&sink, append, &end);
        lmm_put_place(&sink, file, line, function);
        lmm_sink_flush(&sink);
    }
    return place;
}
