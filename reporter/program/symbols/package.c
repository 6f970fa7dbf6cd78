/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/package.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/array.h"

enum {
    LIST_MAX = 1 << 24, /* bytes of a list */
    LINES = 2,          /* that a file may have */
    LONG_WORD = 4,      /* letters or digits */
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

/* Returns the length of the name of the package of which a list is. */
static size_t package_length(const char *list)
{
    size_t end = strcspn(list, ":");

    return list[end] == ':' ? end : (size_t) (strrchr(list, '.') - list);
}

/* ---- Order ----------------------------------------------------------------------------------- */

/* A list, and how like the file's path its name is. */
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
static size_t same_start(const char *name, const char *other)
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

/* Returns the length of the word at the start of a text: of letters or of digits. */
static size_t word_length(const char *text)
{
    bool is_number = isdigit((unsigned char) *text) != 0;
    size_t length = 0;

    while (isalnum((unsigned char) text[length]) &&
           (isdigit((unsigned char) text[length]) != 0) == is_number) {
        length++;
    }
    return length;
}

/* Whether a text has that word; a long one may be a part of a word there. */
static bool has_word(const char *text, const char *word, size_t length)
{
    for (text = next_letter(text); *text != '\0'; text = next_letter(text)) {
        size_t other_length = word_length(text);

        for (size_t i = 0; i + length <= other_length; i++) {
            if (strncasecmp(text + i, word, length) == 0 &&
                (length == other_length || length >= LONG_WORD)) {
                return true;
            }
        }
        text += other_length;
    }
    return false;
}

/* Returns how many letters and digits the words of a package's name have that the path has, too:
 * /usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so is in openjdk-17-jre-headless. */
static size_t same_words(const char *path, const char *list)
{
    const char *end = list + package_length(list);
    size_t count = 0;

    for (list = next_letter(list); list < end; list = next_letter(list)) {
        size_t length = word_length(list);

        count += has_word(path, list, length) ? length : 0;
        list += length;
    }
    return count;
}

/* Returns how likely the file of a path is in a list. The names of most libraries' packages start with lib. */
static size_t likeness_of(const char *path, const char *list)
{
    static const char prefix[] = "lib";
    const char *file = strrchr(path, '/');
    size_t start = file == NULL ? 0 : same_start(file, list);
    bool is_library = strncmp(list, prefix, strlen(prefix)) == 0;

    return (is_library && start >= strlen(prefix) ? start - strlen(prefix) : start) +
           same_words(path, list);
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
    const struct dirent *entry;
    size_t count = 0;

    while ((entry = readdir(folder)) != NULL) {
        char *name = is_list(entry->d_name) ? strdup(entry->d_name) : NULL;
        struct list *list = name == NULL ? NULL : lmm_array_add(ret_lists, &count, sizeof(*list));

        if (list == NULL) {
            free(name);
            continue;
        }
        *list = (struct list) {name, likeness_of(path, name)};
    }
    if (count > 0) {
        qsort(*ret_lists, count, sizeof(**ret_lists), compare_lists);
    }
    return count;
}

/* ---- All ------------------------------------------------------------------------------------- */

static char *find_lines(DIR *folder, const char *path, char *const lines[LINES])
{
    struct buffer buffer = {.bytes = NULL};
    struct list *lists = NULL;
    size_t count = order_lists(folder, path, &lists);
    char *package = NULL;

    for (size_t i = 0; i < count; i++) {
        if (package == NULL && has_line(dirfd(folder), lists[i].name, lines, &buffer)) {
            package = strndup(lists[i].name, package_length(lists[i].name));
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
