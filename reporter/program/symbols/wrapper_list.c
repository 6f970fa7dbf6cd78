/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/wrapper_list.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/array.h"
#include "reporter/program/base/glob.h"
#include "reporter/program/base/program.h"
#include "reporter/program/symbols/wrapper.h"

enum {
    LINES_MAX = 1000,
    KEY_WRAPPER = 0x100000, /* no other option of a command has it */
};

static const char prefix[] = "wrapper:";

static struct {
    char **patterns;
    size_t count;
    bool has_read;
} list;

bool lmm_wrapper_list_add(const char *pattern)
{
    char **added = lmm_array_add(&list.patterns, &list.count, sizeof(*added));

    if (added != NULL) {
        *added = strdup(pattern);
        list.count -= *added == NULL;
    }
    return added != NULL && *added != NULL;
}

void lmm_wrapper_list_clear(void)
{
    for (size_t i = 0; i < list.count; i++) {
        free(list.patterns[i]);
    }
    free(list.patterns);
    memset(&list, 0, sizeof(list));
}

/* ---- The option ------------------------------------------------------------------------------ */

static const struct argp_option options[] = {
    {"wrapper", KEY_WRAPPER, "PATTERN", 0,
     "A block that PATTERN (a function, source file or module) allocates belongs to its caller; "
     "may "
     "be given more than once",
     0},
    {0},
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    if (option != KEY_WRAPPER) {
        return ARGP_ERR_UNKNOWN;
    }
    if (*argument == '\0') {
        argp_error(state, "--wrapper needs a pattern");
    }
    if (!lmm_wrapper_list_add(argument)) {
        argp_failure(state, LMM_EXIT_FAILED, ENOMEM, "--wrapper");
    }
    return 0;
}

const struct argp lmm_wrapper_argp = {.options = options, .parser = parse};

/* ---- Files ----------------------------------------------------------------------------------- */

/* Adds the pattern of a line. Returns false when it is wrong. */
static bool read_line(char *line)
{
    size_t bytes = strlen(line);
    char *text = line + strspn(line, " \t");

    while (bytes > 0 && isspace((unsigned char) line[bytes - 1])) {
        line[--bytes] = '\0';
    }
    if (text >= line + bytes || *text == '#') {
        return true;
    }
    if (strncmp(text, prefix, strlen(prefix)) != 0) {
        return false;
    }
    text += strlen(prefix);
    text += strspn(text, " \t");
    return *text != '\0' && lmm_wrapper_list_add(text);
}

static void read_lines(FILE *file, const char *path)
{
    char *line = NULL;
    size_t room = 0;

    for (int number = 1; number <= LINES_MAX && getline(&line, &room, file) >= 0; number++) {
        if (!read_line(line)) {
            lmm_complain("%s:%d: ignored: '%.*s' (expected wrapper:PATTERN)", path, number,
                         (int) strcspn(line, "\n"), line);
        }
    }
    free(line);
}

/* Reads the file if it is there, and a regular file: others may block. */
static void read_file(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return;
    }
    bool is_regular = descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    FILE *file = is_regular ? fdopen(descriptor, "r") : NULL;

    if (file != NULL) {
        read_lines(file, path);
        fclose(file);
    } else {
        lmm_complain("%s: %s", path, descriptor < 0 ? strerror(errno) : "not a regular file");
        if (descriptor >= 0) {
            close(descriptor);
        }
    }
}

void lmm_wrapper_list_read(void)
{
    const char *home = getenv("XDG_CONFIG_HOME");
    bool is_own = home != NULL && *home == '/';
    char *path = NULL;

    if (list.has_read) {
        return;
    }
    list.has_read = true;
    read_file(".lmmrc");
    home = is_own ? home : getenv("HOME");
    if (home != NULL && asprintf(&path, "%s%s/lmm/lmmrc", home, is_own ? "" : "/.config") >= 0) {
        read_file(path);
        free(path);
    }
}

/* ---- Matching -------------------------------------------------------------------------------- */

static bool fits_function(const char *pattern, struct lmm_string name)
{
    struct lmm_string component = lmm_wrapper_component(name);
    struct lmm_string plain = {name.text, (size_t) (component.text - name.text) + component.bytes};

    return lmm_glob_fits(pattern, name) || lmm_glob_fits(pattern, plain) ||
           lmm_glob_fits(pattern, component);
}

/* Tries the path, and it without its first components. */
static bool fits_path(const char *pattern, struct lmm_string path)
{
    while (path.bytes > 0) {
        const char *slash = memchr(path.text, '/', path.bytes);

        if (lmm_glob_fits(pattern, path)) {
            return true;
        }
        path.bytes -= slash == NULL ? path.bytes : (size_t) (slash + 1 - path.text);
        path.text = slash == NULL ? path.text : slash + 1;
    }
    return false;
}

bool lmm_wrapper_list_has_function(struct lmm_string name)
{
    for (size_t i = 0; i < list.count; i++) {
        if (fits_function(list.patterns[i], name)) {
            return true;
        }
    }
    return false;
}

bool lmm_wrapper_list_has_path(struct lmm_string path)
{
    for (size_t i = 0; i < list.count; i++) {
        if (fits_path(list.patterns[i], path)) {
            return true;
        }
    }
    return false;
}
