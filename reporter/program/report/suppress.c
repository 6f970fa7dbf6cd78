/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/suppress.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/glob.h"
#include "reporter/program/base/program.h"
#include "reporter/program/symbols/wrapper.h"

static const char prefix[] = "leak:";

/* ---- Matching -------------------------------------------------------------------------------- */

bool lmm_suppression_fits(const struct lmm_suppression *suppression, struct lmm_string text)
{
    return suppression->glob != NULL && lmm_glob_fits(suppression->glob, text);
}

/* Replaces each row of stars with one, which means the same. */
static void join_stars(char *text)
{
    char *end = text;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '*' || end == text || end[-1] != '*') {
            *end++ = *at;
        }
    }
    *end = '\0';
}

/* Returns the glob for a pattern, or NULL. */
static char *glob_of(const char *pattern)
{
    bool at_start = *pattern == '^';
    const char *start = pattern + at_start;
    size_t bytes = strlen(start);
    bool at_end = bytes > 0 && start[bytes - 1] == '$';
    char *glob = NULL;
    int length = asprintf(&glob, "%s%.*s%s", at_start ? "" : "*", (int) (bytes - at_end), start,
                          at_end ? "" : "*");

    if (length < 0) {
        return NULL;
    }
    join_stars(glob);
    return glob;
}

/* ---- Files ----------------------------------------------------------------------------------- */

bool lmm_suppressions_add(struct lmm_suppressions *suppressions, const char *pattern)
{
    struct lmm_suppression *item =
        lmm_array_add(&suppressions->items, &suppressions->count, sizeof(*item));

    assert(pattern != NULL);
    if (item == NULL) {
        return false;
    }
    item->pattern = strdup(pattern);
    if (item->pattern != NULL) {
        join_stars(item->pattern); /* a report shows it */
    }
    item->glob = glob_of(pattern);
    if (item->pattern == NULL || item->glob == NULL) {
        free(item->pattern);
        free(item->glob);
        suppressions->count--;
        return false;
    }
    return true;
}

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

static bool read_line(struct lmm_suppressions *suppressions, char *line, const char *path,
                      size_t number)
{
    const char *text = trim(line);
    bool is_leak = strncmp(text, prefix, strlen(prefix)) == 0;

    if (*text == '\0' || *text == '#') {
        return true;
    }
    if (!is_leak || text[strlen(prefix)] == '\0') {
        lmm_complain("%s:%zu: not a suppression: '%s' (expected leak:PATTERN)", path, number, text);
        return false;
    }
    if (!lmm_suppressions_add(suppressions, text + strlen(prefix))) {
        lmm_complain("%s: %s", path, strerror(ENOMEM));
        return false;
    }
    return true;
}

bool lmm_suppressions_read(struct lmm_suppressions *suppressions, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    size_t number = 0;
    bool good = file != NULL;

    errno = file != NULL ? 0 : errno;
    while (good && getline(&line, &room, file) >= 0) {
        good = read_line(suppressions, line, path, ++number);
    }
    if (file == NULL || (good && ferror(file))) {
        lmm_complain("%s: %s", path, strerror(errno));
        good = false;
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
    return good;
}

/* ---- Built in -------------------------------------------------------------------------------- */

bool lmm_suppressions_add_built_in(struct lmm_suppressions *suppressions)
{
    static const struct {
        enum lmm_suppression_scope scope;
        const char *glob;
        const char *words;
    } items[] = {
        /* Debug files have __GI_ before the name. */
        {LMM_SUPPRESS_TEXTS, "*_IO_file_doallocate", "stdio buffers"},
        /* Kept with the stacks of ended threads for new threads. */
        {LMM_SUPPRESS_TEXTS, "*_dl_allocate_tls*", "thread-local storage"},
        {LMM_SUPPRESS_LOADER, NULL, "data of the dynamic loader"},
        {LMM_SUPPRESS_RUNTIME, NULL, "data of the C and C++ runtime, before main"},
    };

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        struct lmm_suppression *item =
            lmm_array_add(&suppressions->items, &suppressions->count, sizeof(*item));

        if (item == NULL) {
            return false;
        }
        item->scope = items[i].scope;
        item->is_built_in = true;
        item->pattern = strdup(items[i].words);
        item->glob = items[i].glob == NULL ? NULL : strdup(items[i].glob);
        if (item->pattern == NULL || (items[i].glob != NULL && item->glob == NULL)) {
            return false;
        }
    }
    return true;
}

bool lmm_suppression_is_runtime(struct lmm_string path)
{
    static const char *const names[] = {
        "libc.so",      "ld-linux*", "ld64.so",       "libstdc++.so", "libgcc_s.so", "libc++.so",
        "libc++abi.so", "libm.so",   "libpthread.so", "libunwind.so", NULL};

    return lmm_wrapper_is_file_of(lmm_model_last_component(path), names);
}

/* Not musl's, which is also the C library. */
bool lmm_suppression_is_loader(struct lmm_string path)
{
    static const char *const names[] = {"ld-linux*", "ld64.so", NULL};

    return lmm_wrapper_is_file_of(lmm_model_last_component(path), names);
}

void lmm_suppressions_free(struct lmm_suppressions *suppressions)
{
    for (size_t i = 0; i < suppressions->count; i++) {
        free(suppressions->items[i].pattern);
        free(suppressions->items[i].glob);
    }
    free(suppressions->items);
    *suppressions = (struct lmm_suppressions) {NULL, 0};
}
