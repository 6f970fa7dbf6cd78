/* SPDX-License-Identifier: MIT */
/*
 * The folder is listed again only when it has changed. The kernel's clock of files advances by some
 * milliseconds at a time, so a folder that has just changed is listed once more later.
 */
#include "reporter/program/run/sampler.h"

#include <errno.h>
#include <lmm/ledger.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/signal_name.h"
#include "reporter/program/history/process_history.h"
#include "reporter/program/ledger/run_folder.h"

enum {
    COST_SHARE = 100, /* at most this part of the time is for samples */
    COST_LOOKS =
        16, /* looks over which their cost is averaged: thinning is seldom, and takes longer */
    TIME_SHARE = 100, /* of the time that the program has run, the distance of samples */
    CHILD_POINTS = 500,
    CHILD_BYTES = 2 << 20,
    WORDS = 64,
};

static const uint64_t shortest_ns = 10 * LMM_NS_PER_MS;
static const uint64_t usual_ns = 100 * LMM_NS_PER_MS;
static const uint64_t longest_ns = LMM_NS_PER_SECOND;
static const uint64_t first_ns = LMM_NS_PER_MS;        /* until there is a ledger */
static const uint64_t settled_ns = 50 * LMM_NS_PER_MS; /* a folder's change is over */

/* A process with a timeline. */
struct process {
    char *path;
    struct lmm_process_history *history;
    bool is_sampled;   /* false: it has ended */
    uint64_t ended_ns; /* CLOCK_REALTIME when that was seen; 0: it was not */
};

/* A ledger that was seen, also one that has no timeline. */
struct seen {
    UT_hash_handle hh;
    char path[];
};

struct lmm_sampler {
    const struct lmm_run_folder *folder;
    uint64_t period_ns; /* 0: it changes with time */
    bool has_children;
    uint64_t pid_namespace; /* of this process; 0: unknown */
    struct process *processes;
    size_t count;
    struct seen *seen;
    uint64_t folder_changed_ns; /* CLOCK_REALTIME; when it was as it was listed */
    uint64_t started_ns;        /* CLOCK_MONOTONIC */
    uint64_t wait_ns;           /* while there is no ledger */
    uint64_t cost_ns;           /* processor time of a look, on average; 0: there was none */
    uint64_t stopped_ns;        /* CLOCK_REALTIME; 0: it runs */
};

struct lmm_sampler *lmm_sampler_open(const struct lmm_run_folder *folder, uint64_t period_ns,
                                     bool has_children)
{
    struct lmm_sampler *sampler = calloc(1, sizeof(*sampler));
    struct stat status;

    if (sampler != NULL) {
        sampler->pid_namespace = stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
        sampler->folder = folder;
        sampler->period_ns = period_ns;
        sampler->has_children = has_children;
        sampler->wait_ns = first_ns;
    }
    return sampler;
}

/* ---- Processes ------------------------------------------------------------------------------- */

static struct process *find(struct lmm_sampler *sampler, const char *path)
{
    for (size_t i = 0; i < sampler->count; i++) {
        if (strcmp(sampler->processes[i].path, path) == 0) {
            return &sampler->processes[i];
        }
    }
    return NULL;
}

static void stop_sampling(struct process *process)
{
    lmm_process_history_close_files(process->history);
    process->is_sampled = false;
    process->ended_ns = lmm_clock_ns(CLOCK_REALTIME);
}

static void free_process(struct process *process)
{
    lmm_process_history_free(process->history);
    free(process->path);
}

static uint64_t most_bytes(const struct process *process)
{
    const struct lmm_timeline *timeline = lmm_process_history_timeline(process->history);
    uint64_t most = 0;

    for (size_t i = 0; i < lmm_timeline_count(timeline); i++) {
        uint64_t bytes = lmm_timeline_at(timeline, i)->live_bytes;

        most = bytes > most ? bytes : most;
    }
    return most;
}

/* Returns the ended process that had least live bytes; NULL: none has ended, except perhaps the program,
 * which is the first one. */
static struct process *find_least(struct lmm_sampler *sampler)
{
    struct process *least = NULL;

    for (size_t i = 1; i < sampler->count; i++) {
        struct process *process = &sampler->processes[i];

        if (!process->is_sampled && (least == NULL || most_bytes(process) < most_bytes(least))) {
            least = process;
        }
    }
    return least;
}

static bool has_room(struct lmm_sampler *sampler)
{
    return sampler->count < LMM_SAMPLER_PROCESSES || find_least(sampler) != NULL;
}

/* Returns room for a process: a new one, or that of one which has ended; NULL: there is none. */
static struct process *make_room(struct lmm_sampler *sampler)
{
    struct process *least = NULL;

    if (sampler->count < LMM_SAMPLER_PROCESSES) {
        return lmm_array_add(&sampler->processes, &sampler->count, sizeof(*sampler->processes));
    }
    least = find_least(sampler);
    if (least != NULL) {
        free_process(least);
    }
    return least;
}

/* Opens the history of a ledger. */
static struct lmm_process_history *open_history(const struct lmm_sampler *sampler, const char *path,
                                                bool is_program)
{
    static const struct lmm_timeline_limits child = {CHILD_POINTS, 0, CHILD_BYTES};
    bool starts_empty = is_program || !sampler->has_children;

    return lmm_process_history_open(path, is_program ? NULL : &child, starts_empty);
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* Whether a ledger is that of a PID, by its file name. */
static bool is_of(const char *path, pid_t pid)
{
    return strtol(name_of(path), NULL, 10) == (long) pid;
}

/* Whether the process of a ledger has ended and was waited for, by its file name:
 * <pid>.<start ticks>.<PID namespace>.lmm. */
static bool is_over(const struct lmm_sampler *sampler, const char *path)
{
    unsigned long long space = 0;
    int pid = 0;

    return sscanf(name_of(path), "%d.%*[0-9].%llu", &pid, &space) == 2 && pid > 0 &&
           space == sampler->pid_namespace && kill(pid, 0) != 0 && errno == ESRCH;
}

/* Starts the timeline of a ledger. Returns NULL: there is no room, or it cannot be read. */
static struct process *add_process(struct lmm_sampler *sampler, const char *path, bool is_program)
{
    struct lmm_process_history *history =
        has_room(sampler) ? open_history(sampler, path, is_program) : NULL;
    char *copy = history == NULL ? NULL : strdup(path);
    struct process *process = copy == NULL ? NULL : make_room(sampler);

    if (process == NULL) {
        lmm_process_history_free(history);
        free(copy);
        return NULL;
    }
    *process = (struct process) {.path = copy, .history = history, .is_sampled = true};
    return process;
}

/* Starts anew where exec has put another ledger in the place of a process's. */
static void replace(struct lmm_sampler *sampler, struct process *process, bool is_program)
{
    struct lmm_process_history *history = open_history(sampler, process->path, is_program);

    if (history != NULL) {
        lmm_process_history_free(process->history);
        process->history = history;
        process->is_sampled = true;
        process->ended_ns = 0;
    }
}

/* ---- The folder ------------------------------------------------------------------------------ */

/* Remembers a path. Returns whether it is new. */
static bool is_new(struct lmm_sampler *sampler, const char *path)
{
    struct seen *seen = NULL;
    size_t bytes = strlen(path) + 1;

    HASH_FIND_STR(sampler->seen, path, seen);
    if (seen != NULL) {
        return false;
    }
    seen = calloc(1, sizeof(*seen) + bytes);
    if (seen != NULL) {
        memcpy(seen->path, path, bytes);
        HASH_ADD_STR(sampler->seen, path, seen);
    }
    return seen != NULL;
}

static void look_at_path(struct lmm_sampler *sampler, const char *path, pid_t program)
{
    struct process *process = NULL;
    struct stat status;

    if (is_new(sampler, path)) {
        bool is_program = is_of(path, program) || sampler->count == 0;

        if (is_program || !is_over(sampler, path)) {
            add_process(sampler, path, is_program);
        }
        return;
    }
    process = find(sampler, path);
    if (process != NULL && process->is_sampled && stat(path, &status) == 0 &&
        !lmm_process_history_is_file(process->history, status.st_dev, status.st_ino)) {
        replace(sampler, process, is_of(path, program));
    }
}

static void look_at_folder(struct lmm_sampler *sampler, pid_t program)
{
    struct stat status;
    size_t count = 0;

    if (stat(sampler->folder->path, &status) != 0 ||
        lmm_timespec_ns(status.st_mtim) == sampler->folder_changed_ns) {
        return;
    }
    uint64_t changed_ns = lmm_timespec_ns(status.st_mtim);
    bool is_settled = changed_ns + settled_ns < lmm_clock_ns(CLOCK_REALTIME);
    char **paths = lmm_run_folder_list(sampler->folder, &count);

    for (size_t i = 0; i < count; i++) {
        look_at_path(sampler, paths[i], program);
        free(paths[i]);
    }
    free(paths);
    sampler->folder_changed_ns = is_settled ? changed_ns : 0;
}

/* ---- Samples --------------------------------------------------------------------------------- */

/* Whether an ended process, which is not the program, has no sample. */
static bool is_empty(const struct lmm_sampler *sampler, const struct process *process)
{
    return process != sampler->processes && !process->is_sampled &&
           lmm_timeline_count(lmm_process_history_timeline(process->history)) == 0;
}

static void sample_all(struct lmm_sampler *sampler)
{
    for (size_t i = sampler->count; i-- > 0;) {
        struct process *process = &sampler->processes[i];

        if (process->is_sampled &&
            lmm_process_history_sample(process->history) != LMM_SAMPLING_DONE) {
            stop_sampling(process);
        }
        if (is_empty(sampler, process)) {
            free_process(process);
            *process = sampler->processes[--sampler->count];
        }
    }
}

/* Returns the distance of samples that the time asks for. */
static uint64_t period_now(const struct lmm_sampler *sampler)
{
    uint64_t run_ns = lmm_clock_ns(CLOCK_MONOTONIC) - sampler->started_ns;
    uint64_t least_ns = sampler->period_ns != 0 ? sampler->period_ns : shortest_ns;
    uint64_t most_ns = sampler->period_ns != 0 ? sampler->period_ns : usual_ns;
    const struct lmm_timeline *timeline =
        sampler->count == 0 ? NULL : lmm_process_history_timeline(sampler->processes[0].history);
    uint64_t period_ns = lmm_smaller(run_ns / TIME_SHARE, most_ns);

    if (timeline != NULL) {
        uint64_t spacing_ns = lmm_smaller(lmm_timeline_spacing_ns(timeline), longest_ns);

        period_ns = period_ns > spacing_ns ? period_ns : spacing_ns;
    }
    return period_ns > least_ns ? period_ns : least_ns;
}

/* Adds the cost of a look to the average. */
static void add_cost(struct lmm_sampler *sampler, uint64_t cost_ns)
{
    uint64_t rest_ns = sampler->cost_ns - sampler->cost_ns / COST_LOOKS;

    sampler->cost_ns = sampler->cost_ns == 0 ? cost_ns : rest_ns + cost_ns / COST_LOOKS;
}

uint64_t lmm_sampler_look(void *context, pid_t program)
{
    struct lmm_sampler *sampler = context;
    uint64_t begin_ns = lmm_clock_ns(CLOCK_THREAD_CPUTIME_ID);

    if (sampler->started_ns == 0) {
        sampler->started_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    }
    look_at_folder(sampler, program);
    sample_all(sampler);
    add_cost(sampler, lmm_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns);
    uint64_t least_ns = COST_SHARE * sampler->cost_ns;
    uint64_t period_ns = period_now(sampler);

    if (sampler->count == 0) {
        period_ns = lmm_smaller(sampler->wait_ns, usual_ns);
        sampler->wait_ns *= 2;
    }
    return period_ns > least_ns ? period_ns : least_ns;
}

void lmm_sampler_stop(struct lmm_sampler *sampler)
{
    sampler->stopped_ns = lmm_clock_ns(CLOCK_REALTIME);
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Returns how a process ended, in words; NULL: it runs, or became another program, of which this is not
 * the timeline. */
static const char *words_of(const struct lmm_sampler_end *end, const struct lmm_model *model,
                            char words[WORDS])
{
    bool has_told = model->exit == LMM_MODEL_EXIT_NORMAL || model->exit == LMM_MODEL_EXIT_QUICK;
    int number = end->has_status && WIFSIGNALED(end->status) ? WTERMSIG(end->status) : 0;
    const char *name = number == 0 ? NULL : lmm_signal_name(number);

    if (end->is_live || end->became != NULL) {
        return NULL;
    }
    if (name != NULL) {
        snprintf(words, WORDS, "killed by SIG%s", name);
    } else if (number != 0) {
        snprintf(words, WORDS, "killed by signal %d", number);
    } else if (end->has_status) {
        snprintf(words, WORDS, "status %d", WEXITSTATUS(end->status));
    } else if (has_told) {
        snprintf(words, WORDS, "status %d", model->exit_status);
    } else {
        words[0] = '\0';
    }
    return words;
}

/* Returns the time of a model's figures. */
static uint64_t time_of(const struct lmm_sampler *sampler, const struct process *process,
                        const struct lmm_model *model, const struct lmm_sampler_end *end)
{
    if (end->is_live) {
        return lmm_clock_ns(CLOCK_REALTIME);
    }
    if (end->became != NULL && end->became_time_ns != 0) {
        return end->became_time_ns;
    }
    if (model->end_time_ns != 0) {
        return model->end_time_ns;
    }
    return process->ended_ns != 0 ? process->ended_ns : sampler->stopped_ns;
}

/* Returns the process of a ledger; one that was never sampled has its timeline now. */
static struct process *find_or_add(struct lmm_sampler *sampler, const char *path,
                                   const struct lmm_model *model, bool is_program)
{
    struct process *process = find(sampler, path);

    if (process == NULL) {
        bool has_room = is_program || sampler->count < LMM_SAMPLER_PROCESSES;

        return has_room ? add_process(sampler, path, is_program) : NULL;
    }
    if (lmm_process_history_header(process->history)->start_time_ns != model->start_time_ns) {
        replace(sampler, process, is_program);
    }
    return process;
}

static void mark_exec(struct process *process, uint64_t time_ns, const char *program)
{
    char text[LMM_TIMELINE_TEXT_MAX + 1];
    const struct lmm_timeline_mark mark = {time_ns, LMM_TIMELINE_EXEC, 1, text};

    snprintf(text, sizeof(text), "%s", program);
    lmm_timeline_mark(lmm_process_history_timeline(process->history), &mark);
}

const struct lmm_timeline *lmm_sampler_end(struct lmm_sampler *sampler, const char *path,
                                           const struct lmm_model *model,
                                           const struct lmm_sampler_end *end)
{
    struct process *process =
        sampler == NULL ? NULL : find_or_add(sampler, path, model, end->is_program);
    char words[WORDS];

    if (process == NULL) {
        return NULL;
    }
    uint64_t time_ns = time_of(sampler, process, model, end);

    if (end->became != NULL) {
        mark_exec(process, lmm_subtract_saturated(time_ns, model->start_time_ns), end->became);
    } else if (end->executed != NULL) {
        mark_exec(process, 0, end->executed);
    }
    bool good =
        lmm_process_history_end(process->history, model, time_ns, words_of(end, model, words));

    lmm_process_history_close_files(process->history);
    return good ? lmm_process_history_timeline(process->history) : NULL;
}

void lmm_sampler_close(struct lmm_sampler *sampler)
{
    if (sampler == NULL) {
        return;
    }
    struct seen *seen = sampler->seen;

    HASH_CLEAR(hh, sampler->seen);
    while (seen != NULL) {
        struct seen *next = seen->hh.next;

        free(seen);
        seen = next;
    }
    for (size_t i = 0; i < sampler->count; i++) {
        free_process(&sampler->processes[i]);
    }
    free(sampler->processes);
    free(sampler);
}
