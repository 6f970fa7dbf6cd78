/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/memory_limit.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t limit_in(const char *folder)
{
    char path[PATH_MAX];
    uint64_t limit = 0;
    FILE *file;

    if (snprintf(path, sizeof(path), "%s/memory.max", folder) >= (int) sizeof(path)) {
        return 0;
    }
    file = fopen(path, "re");
    if (file != NULL) {
        char text[32] = "";

        if (fgets(text, sizeof(text), file) != NULL) {
            limit = strtoull(text, NULL, 10); /* 0 of "max" */
        }
        fclose(file);
    }
    return limit;
}

uint64_t lmm_memory_limit_of(uint32_t pid)
{
    static const char root[] = "/sys/fs/cgroup";
    char path[64];
    char line[PATH_MAX];
    char folder[sizeof(root) + PATH_MAX] = "";
    uint64_t lowest = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cgroup", pid);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0 && strstr(line, "..") == NULL) {
            snprintf(folder, sizeof(folder), "%s%s", root, line + 3);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    while (strlen(folder) >= sizeof(root) - 1) {
        uint64_t limit = limit_in(folder);
        char *slash = strrchr(folder, '/');

        lowest = limit != 0 && (lowest == 0 || limit < lowest) ? limit : lowest;
        *slash = '\0';
    }
    return lowest;
}
