/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/starts_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/hash.h"
#include "reporter/program/base/array.h"
#include "reporter/program/report/numbers.h"

struct reading {
    struct lmm_starts_list list;
    struct lmm_numbers numbers; /* by PID: the index of its last process + 1 */
};

static void execute(struct lmm_start *start, uint64_t time_ns, const char *path)
{
    free(start->path_before);
    start->path_before = start->path;
    start->time_before_ns = start->time_ns;
    start->path = strdup(path);
    start->time_ns = time_ns;
}

static void take_back(struct lmm_start *start)
{
    if (start->path == NULL) {
        return;
    }
    free(start->path);
    start->path = start->path_before;
    start->time_ns = start->time_before_ns;
    start->path_before = NULL;
}

/* Returns the process of that number; a new one after a fork, or when there is none. NULL: out of
 * memory. */
static struct lmm_start *find(struct reading *reading, char kind, uint32_t pid)
{
    uint32_t *index = lmm_numbers_at(&reading->numbers, lmm_hash_u64(1, pid));

    if (index == NULL) {
        return NULL;
    }
    if (*index == 0 || kind == 'f') {
        struct lmm_start *added =
            lmm_array_add(&reading->list.items, &reading->list.count, sizeof(*added));

        if (added == NULL) {
            return NULL;
        }
        *added = (struct lmm_start) {.pid = pid};
        *index = (uint32_t) reading->list.count;
    }
    return &reading->list.items[*index - 1];
}

static void take_line(struct reading *reading, const char *line)
{
    uint32_t pid = 0;
    uint64_t time_ns = 0;
    int path = 0;
    char kind = 0;

    if (sscanf(line, "%c %" SCNu32 " %" SCNu64 " %n", &kind, &pid, &time_ns, &path) != 3 ||
        path == 0 || strchr("fx!sc", kind) == NULL || (pid == 0) != (kind == 'c')) {
        return;
    }
    if (kind == 'c') {
        reading->list.shells++;
        return;
    }
    struct lmm_start *start = find(reading, kind, pid);

    if (start == NULL) {
        return;
    }
    if (kind == 'f') {
        start->time_ns = time_ns;
    } else if (kind == '!') {
        take_back(start);
    } else if (kind == 'x' || start->path == NULL || start->time_ns < time_ns) {
        /* posix_spawn is told by the parent, perhaps after the child has executed something else. */
        execute(start, time_ns, line + path);
    }
}

struct lmm_starts_list lmm_starts_list_read(const char *path)
{
    struct reading reading = {.list = {.items = NULL}};
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;

    while (file != NULL && getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        take_line(&reading, line);
    }
    if (file != NULL) {
        fclose(file);
    }
    free(line);
    lmm_numbers_free(&reading.numbers);
    return reading.list;
}

void lmm_starts_list_free(struct lmm_starts_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].path_before);
    }
    free(list->items);
    *list = (struct lmm_starts_list) {.items = NULL};
}
