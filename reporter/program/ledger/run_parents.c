/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/run_parents.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t lmm_run_parents(const char *parents[LMM_RUN_PARENTS_MAX])
{
    const char *own = getenv("LMM_DIR");
    const char *temporary = getenv("TMPDIR");
    size_t count = 0;

    if (own != NULL && *own != '\0') {
        parents[count++] = own;
        return count;
    }
    parents[count++] = "/dev/shm";
    if (temporary != NULL && *temporary != '\0') {
        parents[count++] = temporary;
    }
    parents[count++] = "/tmp";
    return count;
}

void lmm_run_parents_look(const char *parent, const char *prefix,
                          void (*look)(void *context, const char *path), void *context)
{
    DIR *directory = opendir(parent);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char *path = NULL;

        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            asprintf(&path, "%s/%s", parent, entry->d_name) >= 0) {
            look(context, path);
            free(path);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

void lmm_run_parents_find(const char *prefix, void (*look)(void *context, const char *path),
                          void *context)
{
    const char *parents[LMM_RUN_PARENTS_MAX];
    size_t count = lmm_run_parents(parents);

    for (size_t i = 0; i < count; i++) {
        bool is_again = i > 0 && strcmp(parents[i], parents[i - 1]) == 0;

        if (!is_again) {
            lmm_run_parents_look(parents[i], prefix, look, context);
        }
    }
}
