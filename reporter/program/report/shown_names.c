/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/shown_names.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/core/words.h"

enum {
    NAME_BYTES = 1024, /* of a function whose template arguments are left out */
    PATH_COLUMNS = 40, /* of a path beside a function */
    FUNCTION_LEAST = 12,
    TYPE_COLUMNS = 40,
};

static const char dots[] = "...";

static size_t put_text(struct lmm_sink *sink, const char *text)
{
    return lmm_put_string(sink, lmm_string_of(text));
}

static struct lmm_string from(struct lmm_string string, size_t start)
{
    assert(start <= string.bytes);
    return (struct lmm_string) {string.text + start, string.bytes - start};
}

static bool ends_with(struct lmm_string string, const char *end)
{
    size_t bytes = strlen(end);

    return string.bytes >= bytes && memcmp(string.text + string.bytes - bytes, end, bytes) == 0;
}

/* Returns the first character of a string that is not empty, or its first byte. */
static struct lmm_string first_of(struct lmm_string string)
{
    uint32_t character = 0;
    size_t bytes = lmm_utf8_decode(string.text, string.bytes, &character);

    return (struct lmm_string) {string.text, bytes == 0 ? 1 : bytes};
}

/* Puts "..." and the end of a string, `room` columns together. */
static size_t put_end(struct lmm_sink *sink, struct lmm_string string, size_t room)
{
    size_t columns = lmm_put_string(NULL, string);
    size_t most = room > strlen(dots) ? room - strlen(dots) : 1;

    while (columns > most && string.bytes > 0) {
        struct lmm_string first = first_of(string);

        columns -= lmm_put_string(NULL, first);
        string = from(string, first.bytes);
    }
    return put_text(sink, dots) + lmm_put_string(sink, string);
}

size_t lmm_shown_put_command(const struct lmm_look *look, struct lmm_sink *sink,
                             struct lmm_string command, size_t room)
{
    size_t columns = 0;

    if (look->is_whole || lmm_put_string(NULL, command) <= room) {
        return lmm_put_string(sink, command);
    }
    while (command.bytes > 0) {
        struct lmm_string first = first_of(command);

        if (columns + lmm_put_string(NULL, first) + strlen(dots) > room) {
            break;
        }
        columns += lmm_put_string(sink, first);
        command = from(command, first.bytes);
    }
    return columns + put_text(sink, dots);
}

/* ---- Functions ------------------------------------------------------------------------------- */

/* Returns the bytes of the template arguments at the start of text, with both brackets; 0: there is
 * no end of them. */
static size_t skip_arguments(struct lmm_string text)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.bytes; i++) {
        bool is_arrow = i > 0 && text.text[i - 1] == '-';

        depth += text.text[i] == '<';
        if (text.text[i] == '>' && !is_arrow && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* Returns whether template arguments follow a part of a name: after a word, or "::" in Rust; not
 * after "operator", and not at the start, as in <T as Trait>::f. */
static bool takes_arguments(struct lmm_string before)
{
    char last = before.bytes == 0 ? '\0' : before.text[before.bytes - 1];

    return (isalnum((unsigned char) last) || last == '_' || last == ':' || last == ')') &&
           !ends_with(before, "operator");
}

static struct lmm_string leave_arguments_out(struct lmm_string function, char name[NAME_BYTES])
{
    static const char instead[] = "<...>";
    size_t used = 0;

    for (size_t i = 0; i < function.bytes; i++) {
        struct lmm_string before = {function.text, i};
        size_t skipped = function.text[i] == '<' && takes_arguments(before)
                             ? skip_arguments(from(function, i))
                             : 0;

        if (used + sizeof(instead) + sizeof(dots) > NAME_BYTES) {
            memcpy(name + used, dots, strlen(dots));
            return (struct lmm_string) {name, used + strlen(dots)};
        }
        if (skipped > strlen(instead)) {
            memcpy(name + used, instead, strlen(instead));
            used += strlen(instead);
            i += skipped - 1;
        } else {
            name[used++] = function.text[i];
        }
    }
    return (struct lmm_string) {name, used};
}

/* Makes the parameters of a function, the last parentheses of its name, "(...)". */
static struct lmm_string leave_parameters_out(struct lmm_string function, char name[NAME_BYTES])
{
    static const char anonymous[] = "(anonymous namespace)";
    size_t depth = 0;
    size_t end = function.bytes;
    size_t start;

    assert(function.text == name);
    while (end > 0 && name[end - 1] != ')') {
        end--;
    }
    for (start = end; start > 0; start--) {
        depth += name[start - 1] == ')';
        if (name[start - 1] == '(' && --depth == 0) {
            break;
        }
    }
    if (start == 0 || end - start < sizeof(dots) + 1 ||
        (end - start + 1 == strlen(anonymous) &&
         memcmp(name + start - 1, anonymous, strlen(anonymous)) == 0)) {
        return function; /* none, or no longer than dots */
    }
    memcpy(name + start, dots, strlen(dots));
    memmove(name + start + strlen(dots), name + end - 1, function.bytes - end + 1);
    return (struct lmm_string) {name, start + strlen(dots) + function.bytes - end + 1};
}

size_t lmm_shown_put_function(const struct lmm_look *look, struct lmm_sink *sink,
                              struct lmm_string function, size_t room)
{
    char name[NAME_BYTES];
    struct lmm_string shown;

    if (look->is_whole) {
        return lmm_put_string(sink, function);
    }
    shown = leave_arguments_out(function, name);
    if (lmm_put_string(NULL, shown) > room) {
        shown = leave_parameters_out(shown, name);
    }
    return lmm_put_string(NULL, shown) > room ? put_end(sink, shown, room)
                                              : lmm_put_string(sink, shown);
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static struct lmm_string relative(const struct lmm_look *look, struct lmm_string path)
{
    size_t bytes = look->folder == NULL ? 0 : strlen(look->folder);

    if (bytes > 0 && path.bytes > bytes && memcmp(path.text, look->folder, bytes) == 0) {
        return from(path, bytes);
    }
    if (bytes > 0 && path.bytes > 2 && memcmp(path.text, "./", 2) == 0) {
        return from(path, 2);
    }
    return path;
}

size_t lmm_shown_put_path(const struct lmm_look *look, struct lmm_sink *sink,
                          struct lmm_string path, size_t room)
{
    struct lmm_string end = relative(look, path);

    if (look->is_whole || look->folder == NULL || lmm_put_string(NULL, end) <= room) {
        return lmm_put_string(sink, end);
    }
    while (lmm_put_string(NULL, end) + strlen(dots) > room) {
        const char *slash = end.bytes < 2 ? NULL : memchr(end.text + 1, '/', end.bytes - 1);

        if (slash == NULL) {
            return put_end(sink, end, room);
        }
        end = from(end, (size_t) (slash - end.text));
    }
    return put_text(sink, dots) + lmm_put_string(sink, end);
}

/* ---- Places and calls ------------------------------------------------------------------------ */

/* Puts "hr.c:42"; line 0: "hr.c". */
static size_t put_line(const struct lmm_look *look, struct lmm_sink *sink, struct lmm_string file,
                       uint32_t line, size_t room)
{
    char number[16] = "";

    if (line != 0) {
        snprintf(number, sizeof(number), ":%" PRIu32, line);
    }
    room = room > strlen(number) + 1 ? room - strlen(number) : 1;
    return lmm_shown_put_path(look, sink, file, room) + put_text(sink, number);
}

static size_t less(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Returns the columns that are left of room for a function; paths that are not shortened may leave
 * too few. */
static size_t rest(size_t room, size_t columns)
{
    return room > columns + FUNCTION_LEAST ? room - columns : FUNCTION_LEAST;
}

size_t lmm_shown_put_place(const struct lmm_look *look, struct lmm_sink *sink,
                           struct lmm_string file, uint32_t line, struct lmm_string function,
                           size_t room)
{
    file = file.bytes > 0 ? file : lmm_string_of("(unknown)");
    if (function.bytes == 0) {
        return put_line(look, sink, file, line, room);
    }
    bool file_is_first = line != 0;
    size_t most = less(room / 2, PATH_COLUMNS);
    size_t columns = put_line(look, NULL, file, line, most) + strlen(" ()");
    size_t left = rest(room, columns);

    columns += lmm_shown_put_function(look, NULL, function, left);
    if (file_is_first) {
        put_line(look, sink, file, line, most);
        put_text(sink, " (");
        lmm_shown_put_function(look, sink, function, left);
    } else {
        lmm_shown_put_function(look, sink, function, left);
        put_text(sink, " (");
        put_line(look, sink, file, line, most);
    }
    put_text(sink, ")");
    return columns;
}

size_t lmm_shown_put_type(const struct lmm_look *look, struct lmm_sink *sink,
                          const struct lmm_model_type *type)
{
    if (type == NULL || !lmm_site_type_is_known(type)) {
        return 0;
    }
    return put_text(sink, "   ") + lmm_shown_put_function(look, sink, type->name, TYPE_COLUMNS);
}

size_t lmm_shown_put_call(const struct lmm_look *look, struct lmm_sink *sink,
                          const struct lmm_model_call *call, size_t room)
{
    struct lmm_string file = call->line != 0 ? call->file : call->module;
    bool has_file = file.bytes > 0 && (call->line != 0 || call->is_named);
    const char *inlined = call->is_inline ? " [inlined]" : "";
    const char *guessed = call->is_guessed ? " [guessed]" : "";
    size_t most = less(room / 2, PATH_COLUMNS);
    size_t columns = strlen(inlined) + strlen(guessed);

    columns += has_file ? put_line(look, NULL, file, call->line, most) + strlen(" ()") : 0;
    columns += lmm_shown_put_function(look, sink, call->function, rest(room, columns));
    if (has_file) {
        put_text(sink, " (");
        put_line(look, sink, file, call->line, most);
        put_text(sink, ")");
    }
    put_text(sink, inlined);
    put_text(sink, guessed);
    return columns;
}
