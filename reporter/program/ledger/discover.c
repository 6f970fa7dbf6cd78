/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/discover.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/memory_file.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/run_folder.h"
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

/* Adds the ledger in the file at path; takes ownership of path. */
static void add_file(struct search *search, char *path)
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
        *entry = (struct lmm_ledger_entry) {
            .path = path,
            .program = strdup(program_of(&file.header)),
            .pid = file.header.pid,
            .start_time_ns = file.header.start_time_ns,
            .file_bytes = file.bytes,
            .state = lmm_process_state(&file.header, file.device, file.inode),
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
            add_file(search, file);
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
        add_file(search, copy);
    }
}

static void search_usual_places(struct search *search)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char shared[64];
    char *path = NULL;

    if (runtime != NULL && *runtime != '\0' && asprintf(&path, "%s/lmm", runtime) >= 0) {
        search_directory(search, path);
        free(path);
    }
    snprintf(shared, sizeof(shared), "/dev/shm/lmm-%ju", (uintmax_t) geteuid());
    search_directory(search, shared);
    snprintf(shared, sizeof(shared), "/tmp/lmm-%ju", (uintmax_t) geteuid());
    search_directory(search, shared);
    lmm_memory_files_find(add_memory_file, search);
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
    const char *directory = getenv("LMM_DIR");
    bool is_named = directory != NULL && *directory != '\0';

    if (is_named) {
        search_directory(&search, directory);
    }
    if (!is_named || everywhere) {
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

void lmm_discover_free(struct lmm_ledger_list *ledgers)
{
    for (size_t i = 0; i < ledgers->count; i++) {
        free(ledgers->entry[i].path);
        free(ledgers->entry[i].program);
    }
    free(ledgers->entry);
    *ledgers = (struct lmm_ledger_list) {NULL, 0, 0};
}

/* ---- Selecting ------------------------------------------------------------------------------- */

/* Whether word is a PID; sets *ret_pid to it. */
static bool is_pid(const char *word, uint32_t *ret_pid)
{
    char *end = NULL;
    unsigned long long number = isdigit((unsigned char) *word) ? strtoull(word, &end, 10) : 0;

    if (end == NULL || *end != '\0' || number > UINT32_MAX) {
        return false;
    }
    *ret_pid = (uint32_t) number;
    return true;
}

static bool matches(const struct lmm_ledger_entry *entry, const char *word)
{
    uint32_t pid = 0;

    if (word == NULL) {
        return lmm_process_runs(entry->state);
    }
    return is_pid(word, &pid) ? entry->pid == pid
                              : entry->program != NULL && strcmp(entry->program, word) == 0;
}

/* Moves those of the first count ledgers that match word to the front. Returns how many do. */
static size_t bring_forward(struct lmm_ledger_list *ledgers, size_t count, const char *word)
{
    size_t matching = 0;

    for (size_t i = 0; i < count; i++) {
        if (matches(&ledgers->entry[i], word)) {
            struct lmm_ledger_entry held = ledgers->entry[matching];

            ledgers->entry[matching++] = ledgers->entry[i];
            ledgers->entry[i] = held;
        }
    }
    return matching;
}

/* Moves the ledgers that match word to the front, the live ones first. Returns how many can be
 * meant: the live ones if there are any, else all that match. */
static size_t narrow(struct lmm_ledger_list *ledgers, const char *word)
{
    size_t matching = bring_forward(ledgers, ledgers->count, word);
    size_t live = bring_forward(ledgers, matching, NULL);

    return live > 0 ? live : matching;
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
    uint32_t pid = 0;
    const struct lmm_ledger_entry *newest = &ledgers->entry[0];

    assert(count > 0 && count <= ledgers->count);
    if (count > 1 && (word == NULL || !is_pid(word, &pid))) {
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

static void complain_about_none(const struct lmm_ledger_list *ledgers, const char *word)
{
    if (word != NULL) {
        lmm_complain("no ledger found for %s (lmm ls lists all)", word);
    } else if (ledgers->count > 0) {
        lmm_complain("no live process has a ledger; name one of these:");
        list_choices(ledgers, ledgers->count);
    } else {
        lmm_complain("no process has a ledger");
    }
}

char *lmm_discover_path(const char *word)
{
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
        path = choose(&ledgers, count, word);
    } else if (word != NULL && access(word, F_OK) == 0) {
        path = strdup(word);
    } else {
        complain_about_none(&ledgers, word);
    }
    lmm_discover_free(&ledgers);
    return path;
}
