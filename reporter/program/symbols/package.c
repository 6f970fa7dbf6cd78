/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/package.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LIST_MAX = 1 << 24, /* bytes of a list */
};

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

/* Returns whether the list of that name has the line. */
static bool has_line(int folder, const char *name, const char *line, struct buffer *buffer)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t bytes = file < 0 ? 0 : read_list(file, buffer);

    if (file >= 0) {
        close(file);
    }
    return bytes > 0 && memmem(buffer->bytes, bytes, line, strlen(line)) != NULL;
}

/* Returns the package of which a list is, NULL: it is no list. */
static char *package_of(const char *name)
{
    const char *end = strrchr(name, '.');

    if (end == NULL || strcmp(end, ".list") != 0) {
        return NULL;
    }
    return strndup(name, strcspn(name, ":") < (size_t) (end - name) ? strcspn(name, ":")
                                                                    : (size_t) (end - name));
}

static char *find_line(int folder, DIR *lists, const char *line)
{
    struct buffer buffer = {.bytes = NULL};
    const struct dirent *entry;
    char *package = NULL;

    while (package == NULL && (entry = readdir(lists)) != NULL) {
        package = package_of(entry->d_name);
        if (package != NULL && !has_line(folder, entry->d_name, line, &buffer)) {
            free(package);
            package = NULL;
        }
    }
    free(buffer.bytes);
    return package;
}

char *lmm_package_find(const char *folder, const char *path)
{
    /* /lib is now a link to /usr/lib; a list has the one or the other. */
    bool is_in_usr = strncmp(path, "/usr/", 5) == 0;
    char *other = NULL;
    int length = is_in_usr ? asprintf(&other, "%s", path + 4) : asprintf(&other, "/usr%s", path);
    const char *paths[] = {path, length < 0 ? NULL : other};
    char *package = NULL;

    for (size_t i = 0; i < 2 && package == NULL && paths[i] != NULL; i++) {
        DIR *lists = opendir(folder);
        char *line = NULL;

        if (lists != NULL && asprintf(&line, "\n%s\n", paths[i]) >= 0) {
            package = find_line(dirfd(lists), lists, line);
            free(line);
        }
        if (lists != NULL) {
            closedir(lists);
        }
    }
    free(length < 0 ? NULL : other);
    return package;
}
