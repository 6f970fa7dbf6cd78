/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/unseen_find.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"
#include "reporter/program/ledger/liveness.h"
#include "reporter/program/ledger/running.h"
#include "reporter/program/report/unseen.h"
#include "reporter/program/run/preload.h"
#include "reporter/program/run/starts_list.h"

enum { NAMES_MAX = 100 };

struct finding {
    struct lmm_seen *seen; /* by PID, then by time */
    size_t count;
    uint32_t program_pid;
    struct lmm_unseen *unseen;
};

static int compare_seen(const void *left, const void *right)
{
    const struct lmm_seen *a = left;
    const struct lmm_seen *b = right;
    int order = lmm_compare_u64(a->pid, b->pid);

    return order != 0 ? order : lmm_compare_u64(a->start_time_ns, b->start_time_ns);
}

/* Returns the first of the seen with that PID, or NULL; the others follow it. */
static struct lmm_seen *first_of(const struct finding *finding, uint32_t pid)
{
    size_t low = 0;
    size_t high = finding->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (finding->seen[middle].pid < pid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < finding->count && finding->seen[low].pid == pid ? &finding->seen[low] : NULL;
}

/* Whether the program that the process executed last has a ledger. *ret_before: the last ledger of that
 * PID from before, or NULL. */
static bool has_ledger(const struct finding *finding, const struct lmm_start *start,
                       struct lmm_seen **ret_before)
{
    struct lmm_seen *end = finding->seen + finding->count;

    *ret_before = NULL;
    for (struct lmm_seen *at = first_of(finding, start->pid);
         at != NULL && at < end && at->pid == start->pid; at++) {
        if (at->start_time_ns >= start->time_ns) {
            return true;
        }
        *ret_before = at;
    }
    return false;
}

/* Returns of how many started processes something is known: a line, a ledger, or both. */
static size_t known_children(const struct finding *finding, const struct lmm_starts_list *list)
{
    size_t listed = 0;
    size_t listed_with_ledger = 0;
    size_t with_ledger = 0;

    for (size_t i = 0; i < list->count; i++) {
        bool is_child = list->items[i].pid != finding->program_pid;

        listed += is_child;
        listed_with_ledger += is_child && first_of(finding, list->items[i].pid) != NULL;
    }
    for (size_t i = 0; i < finding->count; i++) {
        with_ledger += finding->seen[i].pid != finding->program_pid;
    }
    size_t others = with_ledger > listed_with_ledger ? with_ledger - listed_with_ledger : 0;

    return listed + (others > list->shells ? others : list->shells);
}

static uint64_t started_by_all(const struct finding *finding)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < finding->count; i++) {
        sum += finding->seen[i].started;
    }
    return sum;
}

/* ---- What is found --------------------------------------------------------------------------- */

/* Adds the name of a started program, once. */
static void add_name(struct lmm_unseen *unseen, struct lmm_string name)
{
    if (unseen->name_count >= NAMES_MAX || name.bytes == 0) {
        return;
    }
    for (size_t i = 0; i < unseen->name_count; i++) {
        if (lmm_compare_strings(lmm_string_of(unseen->names[i]), name) == 0) {
            return;
        }
    }
    char **added = lmm_array_add(&unseen->names, &unseen->name_count, sizeof(*added));

    if (added != NULL && (*added = strndup(name.text, name.bytes)) == NULL) {
        unseen->name_count--;
    }
}

/* Returns the name of the program that a started process runs: what it executed last, or, if it executed
 * nothing, that of the only process that is traced. */
static struct lmm_string name_of(const struct finding *finding, const struct lmm_start *start)
{
    const struct lmm_seen *parent = first_of(finding, finding->program_pid);

    if (start->path != NULL) {
        return lmm_string_of(lmm_running_last(start->path));
    }
    return parent == NULL ? lmm_string_of("") : parent->name;
}

static void add_process(struct lmm_unseen *unseen, const struct lmm_start *start)
{
    struct lmm_unseen_process *added =
        lmm_array_add(&unseen->processes, &unseen->process_count, sizeof(*added));

    if (added == NULL) {
        return;
    }
    *added = (struct lmm_unseen_process) {
        .pid = start->pid,
        .program = strdup(start->path),
        .reason = lmm_preload_obstacle(start->path),
    };
    if (added->program == NULL) {
        unseen->process_count--;
    }
}

static void add_running(struct lmm_unseen *unseen, uint32_t pid)
{
    struct lmm_running running;
    struct lmm_unseen_running *added =
        lmm_array_add(&unseen->running, &unseen->running_count, sizeof(*added));

    if (added != NULL) {
        *added = (struct lmm_unseen_running) {pid, NULL};
        added->program = lmm_running_find(pid, &running) ? strdup(running.name) : NULL;
    }
}

static void take_start(struct finding *finding, const struct lmm_start *start)
{
    struct lmm_unseen *unseen = finding->unseen;
    bool is_child = start->pid != finding->program_pid;
    struct lmm_seen *before = NULL;
    bool is_seen = has_ledger(finding, start, &before);

    if (!is_seen && start->path != NULL && before != NULL) {
        before->became = start->path;
    }
    if (is_child && !unseen->has_children) {
        add_name(unseen, name_of(finding, start));
    }
    if (is_child && !is_seen && start->path != NULL && unseen->has_children) {
        add_process(unseen, start);
    }
    if (is_child && lmm_process_is_since(start->pid, start->time_ns)) {
        add_running(unseen, start->pid);
    }
}

static bool is_running(const struct lmm_unseen *unseen, uint32_t pid)
{
    for (size_t i = 0; i < unseen->running_count; i++) {
        if (unseen->running[i].pid == pid) {
            return true;
        }
    }
    return false;
}

uint64_t lmm_unseen_find(const struct lmm_starts_list *list, struct lmm_seen *seen, size_t count,
                         uint32_t program_pid, bool has_children, struct lmm_unseen *ret_unseen)
{
    struct finding finding = {seen, count, program_pid, ret_unseen};

    *ret_unseen = (struct lmm_unseen) {.has_children = has_children};
    if (count > 1) {
        qsort(seen, count, sizeof(*seen), compare_seen);
    }
    for (size_t i = 0; i < count; i++) {
        seen[i].became = NULL;
    }
    for (size_t i = 0; i < list->count; i++) {
        take_start(&finding, &list->items[i]);
    }
    if (list->shells > 0 && !has_children) {
        add_name(ret_unseen, lmm_string_of("sh"));
    }
    for (size_t i = 0; i < count; i++) {
        if (seen[i].is_live && seen[i].pid != program_pid && !is_running(ret_unseen, seen[i].pid)) {
            add_running(ret_unseen, seen[i].pid);
        }
    }
    uint64_t started = started_by_all(&finding);
    uint64_t known = known_children(&finding, list);
    uint64_t unknown = started > known ? started - known : 0;

    ret_unseen->started = has_children ? 0 : started;
    ret_unseen->unknown = has_children ? unknown : 0;
    return unknown;
}

void lmm_unseen_free(struct lmm_unseen *unseen)
{
    for (size_t i = 0; i < unseen->name_count; i++) {
        free(unseen->names[i]);
    }
    for (size_t i = 0; i < unseen->process_count; i++) {
        free(unseen->processes[i].program);
    }
    for (size_t i = 0; i < unseen->running_count; i++) {
        free(unseen->running[i].program);
    }
    free(unseen->names);
    free(unseen->processes);
    free(unseen->running);
    *unseen = (struct lmm_unseen) {.has_children = unseen->has_children};
}
