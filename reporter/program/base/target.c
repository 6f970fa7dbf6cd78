/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/target.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINKS_MAX = 40, /* as the kernel's */
};

/* ---- Links ----------------------------------------------------------------------------------- */

/* Returns how many bytes of path, up to the end of a component, name a link, and sets *ret_status
 * to the link's; 0: there is none. */
static size_t first_link(char *path, struct stat *ret_status)
{
    for (size_t end = 1; path[end - 1] != '\0'; end++) {
        char after = path[end];
        bool is_link;

        if (path[end - 1] == '/' || (after != '/' && after != '\0')) {
            continue;
        }
        path[end] = '\0';
        is_link = lstat(path, ret_status) == 0 && S_ISLNK(ret_status->st_mode);
        path[end] = after;
        if (is_link) {
            return end;
        }
    }
    return 0;
}

/* Returns how many bytes of path, which ends after `end` bytes, name the directory of its last
 * component, the slash included; 0: the working directory. */
static size_t folder_bytes(const char *path, size_t end)
{
    while (end > 0 && path[end - 1] != '/') {
        end--;
    }
    return end;
}

/* Whether a link, the first `end` bytes of path, may be followed: it is this user's, or that of the
 * user whose directory it is in, or nobody else can put one there. */
static bool may_follow(const char *path, size_t end, const struct stat *link)
{
    size_t bytes = folder_bytes(path, end);
    char *folder = bytes == 0 ? strdup(".") : strndup(path, bytes);
    struct stat status;
    bool may = folder != NULL && stat(folder, &status) == 0 &&
               ((status.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) ||
                link->st_uid == geteuid() || link->st_uid == status.st_uid);

    free(folder);
    return may;
}

/* Returns path with the link, its first `end` bytes, replaced by what it points to, to be freed; or
 * NULL and errno. */
static char *replace_link(const char *path, size_t end)
{
    char target[PATH_MAX];
    char *link = strndup(path, end);
    ssize_t bytes = link == NULL ? -1 : readlink(link, target, sizeof(target) - 1);
    char *replaced = NULL;

    free(link);
    if (bytes < 0) {
        return NULL;
    }
    target[bytes] = '\0';
    int folder = target[0] == '/' ? 0 : (int) folder_bytes(path, end);

    return asprintf(&replaced, "%.*s%s%s", folder, path, target, path + end) < 0 ? NULL : replaced;
}

char *lmm_target_of(const char *path)
{
    char *now = strdup(path);
    struct stat status;
    size_t end;

    for (int links = 0; now != NULL && (end = first_link(now, &status)) > 0; links++) {
        int error = links == LINKS_MAX ? ELOOP : may_follow(now, end, &status) ? 0 : EACCES;
        char *next = error == 0 ? replace_link(now, end) : NULL;

        error = next == NULL && error == 0 ? errno : error;
        free(now);
        now = next;
        errno = error;
    }
    return now;
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

int lmm_target_descriptor(const char *path)
{
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

    assert(path != NULL);
    for (int i = 0; i < 3; i++) {
        if (strcmp(path, names[i]) == 0) {
            return i;
        }
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        size_t bytes = strlen(folders[i]);
        char *end = NULL;

        if (strncmp(path, folders[i], bytes) == 0 && isdigit((unsigned char) path[bytes])) {
            long number = strtol(path + bytes, &end, 10);

            return *end == '\0' && number <= INT_MAX ? (int) number : -1;
        }
    }
    return -1;
}
