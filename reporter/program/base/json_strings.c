/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/json_strings.h"

#include <string.h>

struct reader {
    const char *at;
    const char *end;
    struct lmm_json_place place;
    bool is_object[LMM_JSON_NESTING_MAX];
    lmm_json_string_fn take;
    void *context;
};

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL &&
           *reader->at != '\0') {
        reader->at++;
    }
}

/* Reads a string at its first quote. */
static bool read_string(struct reader *reader, struct lmm_string *ret_text)
{
    const char *start = ++reader->at;

    while (reader->at < reader->end && *reader->at != '"') {
        reader->at += *reader->at == '\\' && reader->at + 1 < reader->end ? 2 : 1;
    }
    if (reader->at >= reader->end) {
        return false;
    }
    *ret_text = (struct lmm_string) {start, (size_t) (reader->at - start)};
    reader->at++;
    return true;
}

static bool take_char(struct reader *reader, char expected)
{
    skip_blanks(reader);
    if (reader->at >= reader->end || *reader->at != expected) {
        return false;
    }
    reader->at++;
    return true;
}

/* Enters an object or array. */
static bool enter(struct reader *reader)
{
    if (reader->place.depth == LMM_JSON_NESTING_MAX) {
        return false;
    }
    reader->is_object[reader->place.depth] = *reader->at == '{';
    reader->place.keys[reader->place.depth] = (struct lmm_string) {"", 0};
    reader->place.depth++;
    reader->at++;
    return true;
}

/* Reads the key of the next value, if it is one of an object. */
static bool read_key(struct reader *reader)
{
    size_t inner = reader->place.depth - 1;

    if (!reader->is_object[inner]) {
        return true;
    }
    skip_blanks(reader);
    return reader->at < reader->end && *reader->at == '"' &&
           read_string(reader, &reader->place.keys[inner]) && take_char(reader, ':');
}

/* Reads a number, true, false or null. */
static bool read_word(struct reader *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && *reader->at != '\0' &&
           strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *reader->at) != NULL) {
        reader->at++;
    }
    return reader->at > start;
}

/* Reads a value that is no object or array. */
static bool read_plain(struct reader *reader)
{
    struct lmm_string text;

    if (*reader->at != '"') {
        return read_word(reader);
    }
    return read_string(reader, &text) && reader->take(reader->context, &reader->place, text);
}

/* Leaves objects and arrays that end here. Returns whether there is another value; sets *ret_good
 * to false when the document is damaged. */
static bool leave(struct reader *reader, bool *ret_good)
{
    while (reader->place.depth > 0) {
        char closing = reader->is_object[reader->place.depth - 1] ? '}' : ']';

        if (take_char(reader, ',')) {
            *ret_good = read_key(reader);
            return *ret_good;
        }
        if (!take_char(reader, closing)) {
            *ret_good = false;
            return false;
        }
        reader->place.depth--;
    }
    return false;
}

/* Reads a value that starts here; sets *ret_is_entered if it is an object or array with values. */
static bool read_value(struct reader *reader, bool *ret_is_entered)
{
    *ret_is_entered = false;
    skip_blanks(reader);
    if (reader->at >= reader->end) {
        return false;
    }
    if (*reader->at != '{' && *reader->at != '[') {
        return read_plain(reader);
    }
    char closing = *reader->at == '{' ? '}' : ']';

    if (!enter(reader)) {
        return false;
    }
    if (take_char(reader, closing)) {
        reader->place.depth--; /* it is empty */
        return true;
    }
    *ret_is_entered = true;
    return read_key(reader);
}

bool lmm_json_strings(const char *bytes, size_t size, lmm_json_string_fn take, void *context)
{
    struct reader reader = {.at = bytes, .end = bytes + size, .take = take, .context = context};
    bool is_entered = false;
    bool good = true;

    do {
        good = read_value(&reader, &is_entered);
    } while (good && (is_entered || leave(&reader, &good)));
    skip_blanks(&reader);
    return good && reader.at == reader.end && reader.place.depth == 0;
}

bool lmm_json_is_key(const struct lmm_json_place *place, size_t depth, const char *key)
{
    return depth < place->depth && place->keys[depth].bytes == strlen(key) &&
           memcmp(place->keys[depth].text, key, place->keys[depth].bytes) == 0;
}
