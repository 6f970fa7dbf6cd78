/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/live_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

/* Opens the mapping that starts at an address; its entry is "START-END". */
static int open_mapping(const char *folder, uint64_t start)
{
    DIR *mappings = opendir(folder);
    const struct dirent *entry;
    char wanted[32];
    int file = -1;

    snprintf(wanted, sizeof(wanted), "%" PRIx64 "-", start);
    while (mappings != NULL && file < 0 && (entry = readdir(mappings)) != NULL) {
        if (strncmp(entry->d_name, wanted, strlen(wanted)) == 0) {
            file = openat(dirfd(mappings), entry->d_name, flags);
        }
    }
    if (mappings != NULL) {
        closedir(mappings);
    }
    return file;
}

int lmm_live_file_open(uint32_t pid, uint64_t start, unsigned way)
{
    char path[64];
    struct stat status;

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, way == 0 ? "exe" : "map_files");
    int file = way == 0 ? open(path, flags) : open_mapping(path, start);

    if (file >= 0 && (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(file);
        return -1;
    }
    return file;
}
