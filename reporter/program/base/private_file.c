/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/private_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/base/program.h"

/* Where they are, relative to the directory of this program; LMM_PRIVATE_FOLDER: in an installed
 * tree. */
static const char *const folders[] = {LMM_PRIVATE_FOLDER, "../lib/lmm"};

/* Returns the directory of this program, or NULL. */
static char *own_folder(void)
{
    char *path = realpath("/proc/self/exe", NULL);
    char *slash = path == NULL ? NULL : strrchr(path, '/');

    if (slash != NULL) {
        *slash = '\0';
    }
    return path;
}

char *lmm_private_file_real(const char *path)
{
    char *real = realpath(path, NULL);

    return real == NULL && errno == EPERM && path[0] == '/' && access(path, R_OK) == 0
               ? strdup(path)
               : real;
}

/* Returns the real path of the file in folder, which is relative to `own`; NULL: it is not there. */
static char *look_in(const char *own, const char *folder, const char *name)
{
    char *path = NULL;
    bool is_absolute = folder[0] == '/';
    int length =
        asprintf(&path, "%s%s%s/%s", is_absolute ? "" : own, is_absolute ? "" : "/", folder, name);
    char *real = length < 0 ? NULL : lmm_private_file_real(path);

    if (length >= 0) {
        free(path);
    }
    return real;
}

char *lmm_private_file_find(const char *name)
{
    char *own = own_folder();
    char *path = NULL;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && own != NULL; i++) {
        path = path != NULL ? path : look_in(own, folders[i], name);
    }
    if (own == NULL) {
        lmm_complain("cannot find %s: /proc/self/exe: %s (is /proc mounted?)", name,
                     strerror(errno));
    } else if (path == NULL) {
        lmm_complain("cannot find %s: expected in %s%s%s", name, folders[0][0] == '/' ? "" : own,
                     folders[0][0] == '/' ? "" : "/", folders[0]);
    }
    free(own);
    return path;
}
