/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/suppress_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/base/glob.h"
#include "reporter/program/base/program.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/suppress.h"

enum { SHOWN_BYTES = 80 }; /* of a wrong line in a message */

struct reading {
    struct lmm_suppressions *suppressions;
    const char *path;
    FILE *file;
    char *line;
    size_t room;
    size_t number;
    char *text; /* of the line, without blanks around it */
};

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Returns line without blanks around it; the end is cut in place. */
static char *trim(char *line)
{
    size_t bytes;

    while (isspace((unsigned char) *line)) {
        line++;
    }
    bytes = strlen(line);
    while (bytes > 0 && isspace((unsigned char) line[bytes - 1])) {
        line[--bytes] = '\0';
    }
    return line;
}

/* Reads the next line that means something; false: there is none. */
static bool next_line(struct reading *reading)
{
    while (getline(&reading->line, &reading->room, reading->file) >= 0) {
        reading->number++;
        reading->text = trim(reading->line);
        if (*reading->text != '\0' && *reading->text != '#') {
            return true;
        }
    }
    reading->text = NULL;
    return false;
}

static bool complain(const struct reading *reading, const char *expected)
{
    lmm_complain("%s:%zu: not a suppression: '%.*s' (expected %s)", reading->path, reading->number,
                 SHOWN_BYTES, reading->text == NULL ? "end of file" : reading->text, expected);
    return false;
}

static bool complain_about_memory(const struct reading *reading)
{
    lmm_complain("%s: %s", reading->path, strerror(ENOMEM));
    return false;
}

/* Returns what follows a prefix of text; NULL: it has another start. */
static const char *after(const char *text, const char *prefix)
{
    size_t bytes = strlen(prefix);

    return strncmp(text, prefix, bytes) == 0 ? text + bytes : NULL;
}

/* Returns whether a pattern has no control characters: no name has any, and one of them means something else
 * in a glob. False after a message. */
static bool is_plain(const struct reading *reading, const char *pattern)
{
    for (const char *at = pattern; *at != '\0'; at++) {
        if (iscntrl((unsigned char) *at) && *at != '\t') {
            lmm_complain("%s:%zu: not a suppression: its pattern has the control character 0x%02x",
                         reading->path, reading->number, (unsigned) (unsigned char) *at);
            return false;
        }
    }
    return true;
}

/* ---- Valgrind's ------------------------------------------------------------------------------ */

/* Makes the glob of a pattern: its question marks stand for one character. */
static char *glob_of(const char *pattern, size_t bytes)
{
    char *glob = strndup(pattern, bytes);

    for (char *at = glob; at != NULL && *at != '\0'; at++) {
        *at = *at == '?' ? LMM_GLOB_ONE : *at;
    }
    if (glob != NULL) {
        lmm_suppression_join_stars(glob);
    }
    return glob;
}

/* Splits "FILE:LINE" into the length of FILE, and LINE; 0: there is none. */
static size_t split_line(const char *text, uint32_t *ret_line)
{
    const char *colon = strrchr(text, ':');
    size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
    bool has_line = digits > 0 && digits < 10 && colon[1 + digits] == '\0';

    *ret_line = has_line ? (uint32_t) strtoul(colon + 1, NULL, 10) : 0;
    return has_line ? (size_t) (colon - text) : strlen(text);
}

/* Adds a line of calls; false after a message. */
static bool add_frame(struct reading *reading, struct lmm_suppression *item)
{
    static const char *const prefixes[] = {
        [LMM_FRAME_FUNCTION] = "fun:", [LMM_FRAME_OBJECT] = "obj:", [LMM_FRAME_SOURCE] = "src:"};
    struct lmm_suppression_frame frame = {.kind = LMM_FRAME_ANY};
    const char *pattern = NULL;

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && pattern == NULL; i++) {
        pattern = after(reading->text, prefixes[i]);
        frame.kind = pattern == NULL ? LMM_FRAME_ANY : i;
    }
    if (pattern == NULL && strcmp(reading->text, "...") != 0) {
        return complain(reading, "fun:, obj:, src:, ... or }");
    }
    if (pattern != NULL && !is_plain(reading, pattern)) {
        return false;
    }
    if (frame.kind == LMM_FRAME_ANY && item->frame_count > 0 &&
        item->frames[item->frame_count - 1].kind == LMM_FRAME_ANY) {
        return true; /* two in a row mean the same as one */
    }
    if (pattern != NULL) {
        size_t bytes =
            frame.kind == LMM_FRAME_SOURCE ? split_line(pattern, &frame.line) : strlen(pattern);

        frame.glob = glob_of(pattern, bytes);
    }
    struct lmm_suppression_frame *added =
        pattern != NULL && frame.glob == NULL
            ? NULL
            : lmm_array_add(&item->frames, &item->frame_count, sizeof(*added));

    if (added == NULL) {
        free(frame.glob);
        return complain_about_memory(reading);
    }
    *added = frame;
    return true;
}

/* Returns whether the line "Memcheck:Leak" or the like names leaks. */
static bool is_of_leaks(const char *text)
{
    const char *colon = strchr(text, ':');
    const char *tool = strstr(text, "Memcheck"); /* there may be others, with commas */

    return colon != NULL && tool != NULL && tool < colon &&
           strcmp(colon + 1 + strspn(colon + 1, " \t"), "Leak") == 0;
}

static bool read_kinds(struct reading *reading, struct lmm_suppression *item)
{
    char *words = reading->text + strlen("match-leak-kinds:");
    size_t kept = 0;

    for (const char *at = words; *at != '\0'; at++) { /* blanks may stand around commas */
        if (!isspace((unsigned char) *at)) {
            words[kept++] = *at;
        }
    }
    words[kept] = '\0';
    return lmm_kinds_parse(words, &item->classes) ||
           complain(reading, "definite,indirect,possible,reachable, all or none");
}

/* Reads the lines of calls up to the brace. */
static bool read_frames(struct reading *reading, struct lmm_suppression *item)
{
    bool is_first = true;

    while (next_line(reading)) {
        if (strcmp(reading->text, "}") == 0) {
            return item->frame_count > 0 || complain(reading, "a call before it");
        }
        bool is_kinds = is_first && after(reading->text, "match-leak-kinds:") != NULL;

        if (is_kinds ? !read_kinds(reading, item) : !add_frame(reading, item)) {
            return false;
        }
        is_first = false;
    }
    return complain(reading, "}");
}

static bool skip_block(struct reading *reading)
{
    while (next_line(reading)) {
        if (strcmp(reading->text, "}") == 0) {
            return true;
        }
    }
    return complain(reading, "}");
}

/* Reads a block after its opening brace. */
static bool read_block(struct reading *reading, size_t first)
{
    char *name = next_line(reading) ? strdup(reading->text) : NULL;

    if (name == NULL) {
        return reading->text == NULL ? complain(reading, "a name") : complain_about_memory(reading);
    }
    if (!next_line(reading) || strchr(reading->text, ':') == NULL) {
        free(name);
        return complain(reading, "Memcheck:Leak");
    }
    if (!is_of_leaks(reading->text)) {
        free(name);
        return skip_block(reading);
    }
    struct lmm_suppression *item =
        lmm_array_add(&reading->suppressions->items, &reading->suppressions->count, sizeof(*item));

    if (item == NULL) {
        free(name);
        return complain_about_memory(reading);
    }
    *item = (struct lmm_suppression) {.scope = LMM_SUPPRESS_FRAMES, .pattern = name, .line = first};
    return read_frames(reading, item);
}

/* ---- The file -------------------------------------------------------------------------------- */

static bool read_item(struct reading *reading)
{
    static const char expected[] = "leak:PATTERN, type:PATTERN, site:FILE:LINE, or {";
    static const struct {
        const char *prefix;
        enum lmm_suppression_scope scope;
    } kinds[] = {
        {"leak:", LMM_SUPPRESS_TEXTS}, {"type:", LMM_SUPPRESS_TYPE}, {"site:", LMM_SUPPRESS_SITE}};
    const char *pattern = NULL;
    size_t kind = 0;

    if (strcmp(reading->text, "{") == 0) {
        return read_block(reading, reading->number);
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && pattern == NULL; i++) {
        pattern = after(reading->text, kinds[i].prefix);
        kind = i;
    }
    if (pattern == NULL || *pattern == '\0') {
        return complain(reading, expected);
    }
    if (!is_plain(reading, pattern)) {
        return false;
    }
    if (!lmm_suppressions_add_scoped(reading->suppressions, kinds[kind].scope, pattern)) {
        return complain_about_memory(reading);
    }
    return true;
}

/* Returns a copy of the path that lives as long as the suppressions; NULL: out of memory. */
static const char *keep_path(struct lmm_suppressions *suppressions, const char *path)
{
    char **kept = lmm_array_add(&suppressions->paths, &suppressions->path_count, sizeof(*kept));

    if (kept != NULL) {
        *kept = strdup(path);
    }
    return kept == NULL ? NULL : *kept;
}

static bool read_items(struct reading *reading)
{
    const char *path = keep_path(reading->suppressions, reading->path);

    if (path == NULL) {
        return complain_about_memory(reading);
    }
    errno = 0;
    while (next_line(reading)) {
        size_t number = reading->number;
        size_t count = reading->suppressions->count;

        if (!read_item(reading)) {
            return false;
        }
        if (reading->suppressions->count > count) {
            reading->suppressions->items[count].path = path;
            reading->suppressions->items[count].line = number;
        }
    }
    if (ferror(reading->file)) {
        lmm_complain("%s: %s", reading->path, strerror(errno));
        return false;
    }
    return true;
}

/* Reads the file, and closes it; NULL: it could not be opened. */
static bool read_file(struct lmm_suppressions *suppressions, const char *path, FILE *file)
{
    struct reading reading = {.suppressions = suppressions, .path = path, .file = file};

    if (reading.file == NULL) {
        lmm_complain("%s: %s", path, strerror(errno));
        return false;
    }
    bool good = read_items(&reading);

    free(reading.line);
    fclose(reading.file);
    return good;
}

bool lmm_suppressions_read(struct lmm_suppressions *suppressions, const char *path)
{
    return read_file(suppressions, path, fopen(path, "re"));
}

bool lmm_suppressions_read_text(struct lmm_suppressions *suppressions, const char *name,
                                const char *text, size_t bytes)
{
    char *copy = strndup(text, bytes);
    bool good = bytes == 0 ||
                (copy != NULL && read_file(suppressions, name, fmemopen(copy, strlen(copy), "r")));

    free(copy);
    return good;
}
