/* SPDX-License-Identifier: MIT */
/* names: see names.h for the contract. */
#include "reporter/program/base/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/sink.h"
#include "reporter/core/words.h"

enum {
    ESCAPED_MAX = 4,     /* bytes that one byte of a name becomes: \xNN */
    REPLACEMENT_MAX = 3, /* U+FFFD in UTF-8 */
};

/* Appends to what *context points at; the caller made room for all of it. */
static int append(void *context, const char *data, size_t bytes)
{
    char **end = context;

    memcpy(*end, data, bytes);
    *end += bytes;
    return 0;
}

char *lmm_name_escaped(struct lmm_string string)
{
    struct lmm_sink sink;
    char *name = calloc(string.bytes + 1, ESCAPED_MAX);
    char *end = name;

    if (name == NULL) {
        return NULL;
    }
    lmm_sink_init(&sink, append, &end);
    lmm_put_string(&sink, string);
    lmm_sink_flush(&sink);
    return name;
}

char *lmm_name_utf8(struct lmm_string string)
{
    char *name = calloc(string.bytes + 1, REPLACEMENT_MAX);
    char *end = name;

    for (size_t i = 0; name != NULL && i < string.bytes;) {
        uint32_t character;
        size_t length = lmm_utf8_decode(string.text + i, string.bytes - i, &character);

        if (length == 0) {
            append(&end, "\xef\xbf\xbd", REPLACEMENT_MAX);
        } else {
            append(&end, string.text + i, length);
        }
        i += length == 0 ? 1 : length;
    }
    return name;
}

char *lmm_name_exact(struct lmm_string string)
{
    return strndup(string.text, string.bytes);
}

char *lmm_name_place(struct lmm_string file, uint32_t line, struct lmm_string function)
{
    char *path = lmm_name_escaped(file.bytes > 0 ? file : lmm_string_of("(unknown)"));
    char *name = lmm_name_escaped(function);
    char *place = NULL;
    int length = -1;

    if (path != NULL && name != NULL && line != 0 && function.bytes > 0) {
        length = asprintf(&place, "%s:%" PRIu32 " (%s)", path, line, name);
    } else if (path != NULL && name != NULL && line == 0 && file.bytes > 0 && function.bytes > 0) {
        length = asprintf(&place, "%s (%s)", name, path);
    } else if (path != NULL && name != NULL && line != 0) {
        length = asprintf(&place, "%s:%" PRIu32, path, line);
    } else if (path != NULL) {
        length = asprintf(&place, "%s", path);
    }
    free(path);
    free(name);
    return length < 0 ? NULL : place;
}
