/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/package.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/array.h"

enum {
    LIST_MAX = 1 << 24, /* bytes of a list */
    LINES = 2,          /* that a file may have */
};

/* ---- One list -------------------------------------------------------------------------------- */

/* The text of all lists, one after the other. */
struct buffer {
    char *bytes;
    size_t room;
};

static bool reserve(struct buffer *buffer, size_t bytes)
{
    char *larger = bytes <= buffer->room ? buffer->bytes : realloc(buffer->bytes, 2 * bytes);

    if (larger == NULL) {
        return false;
    }
    buffer->room = bytes <= buffer->room ? buffer->room : 2 * bytes;
    buffer->bytes = larger;
    return true;
}

/* Reads an open list; the text has a newline before and after it. Returns its bytes with these, 0:
 * it cannot be read. */
static size_t read_list(int file, struct buffer *buffer)
{
    struct stat status;

    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > LIST_MAX) {
        return 0;
    }
    size_t bytes = (size_t) status.st_size;

    if (!reserve(buffer, bytes + 2) || read(file, buffer->bytes + 1, bytes) != (ssize_t) bytes) {
        return 0;
    }
    buffer->bytes[0] = '\n';
    buffer->bytes[bytes + 1] = '\n';
    return bytes + 2;
}

/* Returns whether the list of that name has one of the lines. */
static bool has_line(int folder, const char *name, char *const lines[LINES], struct buffer *buffer)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t bytes = file < 0 ? 0 : read_list(file, buffer);
    bool has = false;

    if (file >= 0) {
        close(file);
    }
    for (size_t i = 0; bytes > 0 && i < LINES; i++) {
        has = has || memmem(buffer->bytes, bytes, lines[i], strlen(lines[i])) != NULL;
    }
    return has;
}

/* ---- Order ----------------------------------------------------------------------------------- */

/* A list, and how like the file's its name is. */
struct list {
    char *name;
    size_t likeness;
};

static const char *next_letter(const char *text)
{
    while (*text != '\0' && !isalnum((unsigned char) *text)) {
        text++;
    }
    return text;
}

/* Returns how many letters and digits two names start with that are the same: libLLVM-14.so.1 is in libllvm14. */
static size_t likeness_of(const char *name, const char *other)
{
    size_t count = 0;

    for (;; count++) {
        name = next_letter(name);
        other = next_letter(other);
        if (*name == '\0' || tolower((unsigned char) *name) != tolower((unsigned char) *other)) {
            return count;
        }
        name++;
        other++;
    }
}

/* The most alike first. */
static int compare_lists(const void *left, const void *right)
{
    const struct list *a = left;
    const struct list *b = right;
    int order = (a->likeness < b->likeness) - (a->likeness > b->likeness);

    return order != 0 ? order : strcmp(a->name, b->name);
}

static bool is_list(const char *name)
{
    const char *end = strrchr(name, '.');

    return end != NULL && strcmp(end, ".list") == 0;
}

/* Lists the lists of a folder in the order in which they are read. Returns how many there are. */
static size_t order_lists(DIR *folder, const char *path, struct list **ret_lists)
{
    const char *file = strrchr(path, '/');
    const struct dirent *entry;
    size_t count = 0;

    while ((entry = readdir(folder)) != NULL) {
        char *name = is_list(entry->d_name) ? strdup(entry->d_name) : NULL;
        struct list *list = name == NULL ? NULL : lmm_array_add(ret_lists, &count, sizeof(*list));

        if (list == NULL) {
            free(name);
            continue;
        }
        *list = (struct list) {name, file == NULL ? 0 : likeness_of(file, name)};
    }
    if (count > 0) {
        qsort(*ret_lists, count, sizeof(**ret_lists), compare_lists);
    }
    return count;
}

/* ---- All ------------------------------------------------------------------------------------- */

/* Returns the package of which a list is. */
static char *package_of(const char *name)
{
    size_t end = strcspn(name, ":");

    return strndup(name, name[end] == ':' ? end : (size_t) (strrchr(name, '.') - name));
}

static char *find_lines(DIR *folder, const char *path, char *const lines[LINES])
{
    struct buffer buffer = {.bytes = NULL};
    struct list *lists = NULL;
    size_t count = order_lists(folder, path, &lists);
    char *package = NULL;

    for (size_t i = 0; i < count; i++) {
        if (package == NULL && has_line(dirfd(folder), lists[i].name, lines, &buffer)) {
            package = package_of(lists[i].name);
        }
        free(lists[i].name);
    }
    free(lists);
    free(buffer.bytes);
    return package;
}

/* Returns whether a file can be one of a package: Debian's have none in these folders. */
static bool may_be_packaged(const char *path)
{
    static const char *const others[] = {"/home/", "/root/", "/tmp/", "/usr/local/"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strncmp(path, others[i], strlen(others[i])) == 0) {
            return false;
        }
    }
    return true;
}

char *lmm_package_find(const char *folder, const char *path)
{
    /* /lib is now a link to /usr/lib; a list has the one or the other. */
    bool is_in_usr = strncmp(path, "/usr/", 5) == 0;
    DIR *lists = may_be_packaged(path) ? opendir(folder) : NULL;
    char *lines[LINES] = {NULL, NULL};
    char *package = NULL;

    if (lists == NULL) {
        return NULL;
    }
    bool made = asprintf(&lines[0], "\n%s\n", path) >= 0;

    if (made && asprintf(&lines[1], "\n%s%s\n", is_in_usr ? "" : "/usr",
                         is_in_usr ? path + 4 : path) >= 0) {
        package = find_lines(lists, path, lines);
        free(lines[1]);
    }
    free(made ? lines[0] : NULL);
    closedir(lists);
    return package;
}
