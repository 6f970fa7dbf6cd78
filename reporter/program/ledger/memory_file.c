/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/memory_file.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <lmm/ledger.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What /proc/PID/fd shows of a ledger's memfd: "/memfd:", the name of the ledger, and this. */
#define START "/memfd:"
#define END   LMM_LEDGER_SUFFIX " (deleted)"

static bool is_ledger(const char *link)
{
    char target[NAME_MAX];
    ssize_t length = readlink(link, target, sizeof(target));
    size_t end = strlen(END);

    return length > (ssize_t) (strlen(START) + end) && memcmp(target, START, strlen(START)) == 0 &&
           memcmp(target + (size_t) length - end, END, end) == 0;
}

/* Looks through a folder of descriptors, "/proc/PID/fd". */
static void look_through(const char *folder, void (*look)(void *context, const char *path),
                         void *context)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char *path = NULL;

        if (isdigit((unsigned char) entry->d_name[0]) &&
            asprintf(&path, "%s/%s", folder, entry->d_name) >= 0) {
            if (is_ledger(path)) {
                look(context, path);
            }
            free(path);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

void lmm_memory_files_find(void (*look)(void *context, const char *path), void *context)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;

    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        char *folder = NULL;

        if (isdigit((unsigned char) entry->d_name[0]) &&
            asprintf(&folder, "/proc/%s/fd", entry->d_name) >= 0) {
            look_through(folder, look, context);
            free(folder);
        }
    }
    if (processes != NULL) {
        closedir(processes);
    }
}
