/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/debug_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char store[] = "/usr/lib/debug";

/* Returns whether root/folder/subfolder has a file `name`; also true when memory runs out. */
static bool is_there(const char *root, const char *folder, const char *subfolder, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s%s%s/%s", root, folder, subfolder, name) < 0) {
        return true;
    }
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

/* Returns whether a file `name` is in one of the places where libdwfl looks for a file in
 * folder. */
static bool is_near(const char *folder, const char *name)
{
    if (is_there("", folder, "", name) || is_there("", folder, "/.debug", name)) {
        return true;
    }
    /* It also tries the folder without its first components. */
    for (const char *rest = folder; rest != NULL && *rest != '\0'; rest = strchr(rest + 1, '/')) {
        if (is_there(store, rest, "", name)) {
            return true;
        }
    }
    return is_there(store, "", "", name);
}

/* Returns whether libdwfl may find a debug file for the file at path. */
static bool has_debug_file(const char *path, const char *link)
{
    char *folder = strdup(path);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    char *name = NULL;
    bool found = true;

    if (slash != NULL) {
        *slash = '\0';
        int length =
            link != NULL ? asprintf(&name, "%s", link) : asprintf(&name, "%s.debug", slash + 1);

        found = length < 0 || is_near(folder, name);
        name = length < 0 ? NULL : name;
    }
    free(name);
    free(folder);
    return found;
}

int lmm_debug_file_find(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                        const char *path, const char *link, GElf_Word crc, char **ret_path)
{
    const char *servers = getenv("DEBUGINFOD_URLS");

    if (path != NULL && (servers == NULL || *servers == '\0')) {
        int file =
            dwfl_build_id_find_debuginfo(module, userdata, name, base, path, link, crc, ret_path);
        char *real = file >= 0 ? NULL : realpath(path, NULL);
        bool found = file < 0 &&
                     (has_debug_file(path, link) || (real != NULL && has_debug_file(real, link)));

        free(real);
        if (!found) {
            errno = 0;
            return file;
        }
    }
    return dwfl_standard_find_debuginfo(module, userdata, name, base, path, link, crc, ret_path);
}
