/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/running.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/program.h"
#include "reporter/program/ledger/ledger_file.h"

enum { PROC_PATH_MAX = 64 };

const char *lmm_running_last(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash == NULL ? path : slash + 1;

    return last[0] == '-' && last[1] != '\0' ? last + 1 : last;
}

/* Reads the start of a file of /proc as a text that ends at its first NUL or newline; "" when it
 * cannot be read. */
static void read_text(uint32_t pid, const char *name, char *text, size_t room)
{
    char path[PROC_PATH_MAX];

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
    FILE *file = fopen(path, "re");
    size_t bytes = file == NULL ? 0 : fread(text, 1, room - 1, file);

    text[bytes] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (file != NULL) {
        fclose(file);
    }
}

static void copy_last(char name[LMM_RUNNING_NAME_MAX], const char *path)
{
    const char *last = lmm_running_last(path);
    size_t bytes = strnlen(last, LMM_RUNNING_NAME_MAX - 1);

    memcpy(name, last, bytes);
    name[bytes] = '\0';
}

bool lmm_running_find(uint32_t pid, struct lmm_running *ret_running)
{
    char path[PROC_PATH_MAX];
    char text[PATH_MAX];
    struct stat status;

    snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
    if (stat(path, &status) != 0) {
        return false;
    }
    *ret_running = (struct lmm_running) {.pid = pid, .user = status.st_uid};
    read_text(pid, "comm", ret_running->name, sizeof(ret_running->name));
    read_text(pid, "cmdline", text, sizeof(text));
    copy_last(ret_running->typed, text);
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
    ssize_t bytes = readlink(path, text, sizeof(text) - 1);

    text[bytes < 0 ? 0 : bytes] = '\0';
    copy_last(ret_running->file, text);
    return true;
}

bool lmm_running_is_called(const struct lmm_running *running, const char *word)
{
    return *word != '\0' && (strcmp(running->name, word) == 0 ||
                             strcmp(running->typed, word) == 0 || strcmp(running->file, word) == 0);
}

/* ---- Its ledger ------------------------------------------------------------------------------ */

/* Returns the path in a line of /proc/PID/maps if it may be that of a ledger, else NULL. Ends the
 * line after it. */
static const char *ledger_in(char *line)
{
    char *path = strchr(line, '/');

    line[strcspn(line, "\n")] = '\0';
    return path != NULL && lmm_ledger_file_has_suffix(path) ? path : NULL;
}

/* Returns the path in the process's own root, to be freed, if a ledger is there; else NULL. */
static char *reach(uint32_t pid, const char *path)
{
    struct lmm_ledger_file file;
    struct lmm_reason reason;
    char *reached = NULL;

    if (asprintf(&reached, "/proc/%" PRIu32 "/root%s", pid, path) < 0) {
        return NULL;
    }
    if (!lmm_ledger_file_open(reached, &file, &reason)) {
        free(reached);
        return NULL;
    }
    lmm_ledger_file_close(&file);
    return reached;
}

/* Returns the first result of look(pid, line) that is not NULL, of the lines of /proc/PID/maps; else NULL. */
static char *find_in_maps(uint32_t pid, char *(*look)(uint32_t pid, char *line))
{
    char name[PROC_PATH_MAX];
    char *found = NULL;
    char *line = NULL;
    size_t room = 0;

    snprintf(name, sizeof(name), "/proc/%" PRIu32 "/maps", pid);
    FILE *maps = fopen(name, "re");

    while (maps != NULL && found == NULL && getline(&line, &room, maps) > 0) {
        found = look(pid, line);
    }
    if (maps != NULL) {
        fclose(maps);
    }
    free(line);
    return found;
}

static char *reach_ledger(uint32_t pid, char *line)
{
    const char *path = ledger_in(line);

    return path == NULL ? NULL : reach(pid, path);
}

char *lmm_running_ledger(uint32_t pid)
{
    return find_in_maps(pid, reach_ledger);
}

static char *copy_if_of_lmm(uint32_t pid, char *line)
{
    const char *slash = strrchr(line, '/');
    bool is_of_lmm = slash != NULL && (strstr(slash, LMM_DROP_IN_NAME) != NULL ||
                                       strncmp(slash, "/liblmm.so", strlen("/liblmm.so")) == 0);

    (void) pid;
    return is_of_lmm ? strdup(slash) : NULL;
}

bool lmm_running_has_lmm(uint32_t pid)
{
    char *library = find_in_maps(pid, copy_if_of_lmm);

    free(library);
    return library != NULL;
}

/* ---- All processes --------------------------------------------------------------------------- */

void lmm_running_each(bool (*look)(void *context, const struct lmm_running *running), void *context)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    bool goes_on = true;

    while (processes != NULL && goes_on && (entry = readdir(processes)) != NULL) {
        struct lmm_running running;
        unsigned long pid =
            isdigit((unsigned char) entry->d_name[0]) ? strtoul(entry->d_name, NULL, 10) : 0;

        if (pid != 0 && lmm_running_find((uint32_t) pid, &running)) {
            goes_on = look(context, &running);
        }
    }
    if (processes != NULL) {
        closedir(processes);
    }
}

bool lmm_running_is_elsewhere(uint32_t pid)
{
    char path[PROC_PATH_MAX];
    struct stat own;
    struct stat other;

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/ns/mnt", pid);
    return stat("/proc/self/ns/mnt", &own) == 0 && stat(path, &other) == 0 &&
           own.st_ino != other.st_ino;
}
