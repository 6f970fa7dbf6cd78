/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/discover.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/ledger/last_runs.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/memory_file.h"
#include "reporter/program/ledger/named.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/run_folder.h"
#include "reporter/program/ledger/running.h"
#include "reporter/core/words.h"
#include "reporter/program/base/array.h"

/* A directory that was searched, or a memory file, so that none is taken twice. */
struct seen {
    dev_t device;
    ino_t inode;
};

struct search {
    struct lmm_ledger_list ledgers;
    struct seen *seen;
    size_t seen_count;
};

/* ---- Listing --------------------------------------------------------------------------------- */

static const char *program_of(const struct lmm_ledger_header *header)
{
    const char *slash = strrchr(header->executable, '/');
    const char *program = slash == NULL ? header->executable : slash + 1;

    return *program == '\0' ? "(unknown)" : program;
}

/* Returns the name of a process that still runs, to be freed; NULL: it has ended, or memory ran
 * out. */
static char *name_of(uint32_t pid, enum lmm_process_state state)
{
    struct lmm_running running;
    bool is_known =
        (state == LMM_PROCESS_LIVE || state == LMM_PROCESS_LOST) && lmm_running_find(pid, &running);

    return is_known ? strdup(running.name) : NULL;
}

/* Adds the ledger in the file at path; takes ownership of path. host_pid: the process that has it
 * mapped, as this PID namespace numbers it; 0: the ledger tells. */
static void add_file(struct search *search, char *path, uint32_t host_pid)
{
    struct lmm_ledger_file file;
    struct lmm_reason reason = {""};

    if (!lmm_ledger_file_open(path, &file, &reason)) {
        search->ledgers.unreadable++;
        free(path);
        return;
    }
    struct lmm_ledger_entry *entry =
        lmm_array_add(&search->ledgers.entry, &search->ledgers.count, sizeof(*entry));

    if (entry == NULL) {
        free(path);
    } else {
        enum lmm_process_state state =
            host_pid != 0 ? LMM_PROCESS_LIVE
                          : lmm_process_state(&file.header, file.device, file.inode);
        uint32_t pid = host_pid != 0 ? host_pid : file.header.pid;

        *entry = (struct lmm_ledger_entry) {
            .path = path,
            .program = strdup(program_of(&file.header)),
            .typed = strndup(file.header.command, sizeof(file.header.command)),
            .name = name_of(pid, state),
            .pid = pid,
            .start_time_ns = file.header.start_time_ns,
            .file_bytes = file.bytes,
            .state = state,
        };
    }
    lmm_ledger_file_close(&file);
}

/* Whether the directory or file was taken already; also true if memory runs out. */
static bool has_seen(struct search *search, const struct stat *status)
{
    for (size_t i = 0; i < search->seen_count; i++) {
        if (search->seen[i].device == status->st_dev && search->seen[i].inode == status->st_ino) {
            return true;
        }
    }
    struct seen *seen = lmm_array_add(&search->seen, &search->seen_count, sizeof(*seen));

    if (seen != NULL) {
        *seen = (struct seen) {status->st_dev, status->st_ino};
    }
    return seen == NULL;
}

/* Opens the directory if it belongs to the user, is not a link, and was not searched yet; else
 * NULL. */
static DIR *open_directory(struct search *search, const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
        has_seen(search, &status)) {
        return NULL;
    }
    return opendir(path);
}

static void search_directory(void *context, const char *path)
{
    struct search *search = context;
    DIR *directory = open_directory(search, path);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char *file = NULL;

        if (lmm_ledger_file_has_suffix(entry->d_name) &&
            asprintf(&file, "%s/%s", path, entry->d_name) >= 0) {
            add_file(search, file, 0);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

static void add_memory_file(void *context, const char *path)
{
    struct search *search = context;
    struct stat status;
    char *copy = NULL;

    if (stat(path, &status) == 0 && !has_seen(search, &status) && (copy = strdup(path)) != NULL) {
        add_file(search, copy, 0);
    }
}

/* Adds the ledger of a process that has other mounts, and perhaps numbers, than this one. */
static bool add_from_elsewhere(void *context, const struct lmm_running *running)
{
    struct search *search = context;
    struct stat status;
    char *path = running->user == geteuid() && lmm_running_is_elsewhere(running->pid)
                     ? lmm_running_ledger(running->pid)
                     : NULL;

    if (path != NULL && stat(path, &status) == 0 && !has_seen(search, &status)) {
        add_file(search, path, running->pid);
    } else {
        free(path);
    }
    return true;
}

static void look_in_usual_places(void (*look)(void *context, const char *path), void *context)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char shared[64];
    char *path = NULL;

    if (runtime != NULL && *runtime != '\0' && asprintf(&path, "%s/lmm", runtime) >= 0) {
        look(context, path);
        free(path);
    }
    snprintf(shared, sizeof(shared), "/dev/shm/lmm-%ju", (uintmax_t) geteuid());
    look(context, shared);
    snprintf(shared, sizeof(shared), "/tmp/lmm-%ju", (uintmax_t) geteuid());
    look(context, shared);
}

static const char *named_directory(void)
{
    const char *directory = getenv("LMM_DIR");

    return directory == NULL || *directory == '\0' ? NULL : directory;
}

static void search_usual_places(struct search *search)
{
    look_in_usual_places(search_directory, search);
    lmm_memory_files_find(add_memory_file, search);
    lmm_running_each(add_from_elsewhere, search);
}

static int compare_entries(const void *left, const void *right)
{
    const struct lmm_ledger_entry *a = left;
    const struct lmm_ledger_entry *b = right;

    if (a->start_time_ns != b->start_time_ns) {
        return a->start_time_ns < b->start_time_ns ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

/* The ledgers in $LMM_DIR, or, if it is not set, or with everywhere, in the usual places. */
static struct lmm_ledger_list list(bool everywhere)
{
    struct search search = {.seen = NULL};
    const char *directory = named_directory();

    if (directory != NULL) {
        search_directory(&search, directory);
    }
    if (directory == NULL || everywhere) {
        search_usual_places(&search);
    }
    lmm_run_folders_find(search_directory, &search);
    free(search.seen);
    if (search.ledgers.count > 1) {
        qsort(search.ledgers.entry, search.ledgers.count, sizeof(struct lmm_ledger_entry),
              compare_entries);
    }
    return search.ledgers;
}

struct lmm_ledger_list lmm_discover_list(void)
{
    return list(false);
}

void lmm_discover_folders(void (*look)(void *context, const char *path), void *context)
{
    const char *directory = named_directory();

    if (directory != NULL) {
        look(context, directory);
    } else {
        look_in_usual_places(look, context);
    }
    lmm_run_folders_find(look, context);
}

void lmm_discover_free(struct lmm_ledger_list *ledgers)
{
    for (size_t i = 0; i < ledgers->count; i++) {
        free(ledgers->entry[i].path);
        free(ledgers->entry[i].program);
        free(ledgers->entry[i].typed);
        free(ledgers->entry[i].name);
    }
    free(ledgers->entry);
    *ledgers = (struct lmm_ledger_list) {NULL, 0, 0};
}

/* ---- Selecting ------------------------------------------------------------------------------- */

/* Whether word is the program's file, what was typed to start it, or the name that the process has
 * now: those of redis-server are redis-check-rdb and redis-server. */
static bool is_called(const struct lmm_ledger_entry *entry, const char *word)
{
    return (entry->program != NULL && strcmp(entry->program, word) == 0) ||
           (entry->typed != NULL && strcmp(lmm_running_last(entry->typed), word) == 0) ||
           (entry->name != NULL && strcmp(entry->name, word) == 0);
}

bool lmm_discover_matches(const struct lmm_ledger_entry *entry, const char *word)
{
    uint32_t pid = 0;

    return lmm_named_is_pid(word, &pid) ? entry->pid == pid : is_called(entry, word);
}

static bool is_pid(const char *word)
{
    uint32_t pid = 0;

    return word != NULL && lmm_named_is_pid(word, &pid);
}

static bool may_run(const struct lmm_ledger_entry *entry, const char *word)
{
    (void) word;
    return lmm_process_runs(entry->state);
}

static bool runs(const struct lmm_ledger_entry *entry, const char *word)
{
    return may_run(entry, word) && entry->state != LMM_PROCESS_UNKNOWN;
}

/* Whether word is the PID of a process that has ended, and a later one that runs has it now. */
static bool is_of_an_earlier(const struct lmm_ledger_entry *entry, const char *word)
{
    struct lmm_ledger_file file;
    struct lmm_reason reason;

    if (!is_pid(word) || !lmm_discover_matches(entry, word) || runs(entry, word) ||
        !lmm_ledger_file_open(entry->path, &file, &reason)) {
        return false;
    }
    bool is_earlier = lmm_process_pid_is_reused(&file.header);

    lmm_ledger_file_close(&file);
    return is_earlier;
}

/* As lmm_discover_matches(), but a PID means the process that has it now. */
static bool may_be_meant(const struct lmm_ledger_entry *entry, const char *word)
{
    return lmm_discover_matches(entry, word) && !is_of_an_earlier(entry, word);
}

/* Moves those of the first count ledgers that fit to the front. Returns how many do. */
static size_t bring_forward(struct lmm_ledger_list *ledgers, size_t count,
                            bool (*fits)(const struct lmm_ledger_entry *entry, const char *word),
                            const char *word)
{
    size_t matching = 0;

    for (size_t i = 0; i < count; i++) {
        if (fits(&ledgers->entry[i], word)) {
            struct lmm_ledger_entry held = ledgers->entry[matching];

            ledgers->entry[matching++] = ledgers->entry[i];
            ledgers->entry[i] = held;
        }
    }
    return matching;
}

/* Moves the ledgers that match word to the front, the live ones first. Returns how many can be
 * meant: the live ones if there are any; else those of processes that may run; else all that match.
 * word: NULL: only the live ones, or those that may run. */
static size_t narrow(struct lmm_ledger_list *ledgers, const char *word)
{
    size_t matching =
        word == NULL ? ledgers->count : bring_forward(ledgers, ledgers->count, may_be_meant, word);
    size_t live = bring_forward(ledgers, matching, runs, NULL);

    live = live > 0 ? live : bring_forward(ledgers, matching, may_run, NULL);
    return live > 0 || word == NULL ? live : matching;
}

static void list_choices(const struct lmm_ledger_list *ledgers, size_t count)
{
    int descriptor = STDERR_FILENO;
    struct lmm_sink sink;

    lmm_sink_init(&sink, lmm_output_to_descriptor, &descriptor);
    for (size_t i = 0; i < count; i++) {
        const struct lmm_ledger_entry *entry = &ledgers->entry[i];

        lmm_sink_printf(&sink, "%10" PRIu32 "  %-8s  ", entry->pid,
                        lmm_process_state_name(entry->state));
        lmm_put_string(&sink, lmm_string_of(entry->program == NULL ? "" : entry->program));
        lmm_sink_puts(&sink, "  ");
        lmm_put_string(&sink, lmm_string_of(entry->path));
        lmm_sink_puts(&sink, "\n");
    }
    lmm_sink_flush(&sink);
}

/* Returns a copy of the path if one of the first count ledgers is meant; of those with one PID the
 * newest is. */
static char *choose(const struct lmm_ledger_list *ledgers, size_t count, const char *word)
{
    const struct lmm_ledger_entry *newest = &ledgers->entry[0];

    assert(count > 0 && count <= ledgers->count);
    if (count > 1 && !is_pid(word)) {
        if (word == NULL) {
            lmm_complain("%zu processes have a ledger; name one of them:", count);
        } else {
            lmm_complain("%zu ledgers belong to %s; choose one by PID or file:", count, word);
        }
        list_choices(ledgers, count);
        return NULL;
    }
    for (size_t i = 1; i < count; i++) {
        newest = compare_entries(newest, &ledgers->entry[i]) < 0 ? &ledgers->entry[i] : newest;
    }
    return strdup(newest->path);
}

static void complain_about_none(const struct lmm_ledger_list *ledgers)
{
    if (ledgers->count > 0) {
        lmm_complain("no live process has a ledger; name one of these:");
        list_choices(ledgers, ledgers->count);
    } else {
        lmm_complain("no process has a ledger");
    }
}

/* Returns the path of the newest ledger of an ended process whose PID the word is; NULL: there is none. */
static const char *left_by_an_earlier(const struct lmm_ledger_list *ledgers, const char *word)
{
    const char *path = NULL;

    for (size_t i = 0; i < ledgers->count; i++) {
        path = is_of_an_earlier(&ledgers->entry[i], word) ? ledgers->entry[i].path : path;
    }
    return path;
}

/* Returns the ledger of a running process that keeps it in a place of its own; or NULL after a
 * message. ledgers: those in the usual places, by start time. */
static char *find_mapped(const struct lmm_ledger_list *ledgers, const char *word)
{
    struct lmm_named named = lmm_named_find(word);
    char *path = lmm_named_ledger(&named);

    if (path == NULL) {
        lmm_named_complain(&named, left_by_an_earlier(ledgers, word));
    }
    return path;
}

/* Returns one of the first count ledgers, or NULL after a message. If these are of dead processes, a running one that
 * keeps its ledger elsewhere comes first. */
static char *choose_or_find(const struct lmm_ledger_list *ledgers, size_t count, const char *word)
{
    char *path = NULL;

    if (word != NULL && !lmm_process_runs(ledgers->entry[0].state)) {
        struct lmm_named named = lmm_named_find(word);

        path = lmm_named_ledger(&named);
    }
    return path != NULL ? path : choose(ledgers, count, word);
}

/* Returns whether word is a file of the working directory that may be a ledger. A program's file is
 * none: in its folder, its name stands for its processes. */
static bool is_file_meant(const char *word)
{
    struct lmm_ledger_file file;
    struct lmm_reason reason;
    bool is_ledger = lmm_ledger_file_open(word, &file, &reason);

    if (is_ledger) {
        lmm_ledger_file_close(&file);
    }
    return is_ledger || (access(word, F_OK) == 0 && access(word, X_OK) != 0);
}

/* Returns the ledger of one of the last runs, or NULL after a message. */
static char *find_last(size_t age)
{
    char *path = lmm_last_runs_find(age);

    if (path == NULL && age == 0) {
        lmm_complain("no run is kept for --last; start one with: lmm run PROGRAM");
    } else if (path == NULL) {
        lmm_complain("only one run is kept for --last; start another one with: lmm run PROGRAM");
    }
    return path;
}

char *lmm_discover_path(const char *word)
{
    if (word != NULL && strcmp(word, LMM_WORD_LAST) == 0) {
        return find_last(0);
    }
    if (word != NULL && strcmp(word, LMM_WORD_LAST_BUT_ONE) == 0) {
        return find_last(1);
    }
    if (word != NULL && (strchr(word, '/') != NULL || lmm_ledger_file_has_suffix(word))) {
        return strdup(word);
    }
    struct lmm_ledger_list ledgers = list(false);
    size_t count = narrow(&ledgers, word);
    char *path = NULL;

    /* A process for which $LMM_DIR did not work has its ledger in the next place. */
    if (count == 0 && word != NULL) {
        lmm_discover_free(&ledgers);
        ledgers = list(true);
        count = narrow(&ledgers, word);
    }

    if (count > 0) {
        path = choose_or_find(&ledgers, count, word);
    } else if (word != NULL && is_file_meant(word)) {
        path = strdup(word);
    } else if (word != NULL) {
        path = find_mapped(&ledgers, word);
    } else {
        complain_about_none(&ledgers);
    }
    lmm_discover_free(&ledgers);
    return path;
}
