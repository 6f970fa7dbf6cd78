/* SPDX-License-Identifier: MIT */
/*
 * cmd_gc: `lmm gc`: removes the ledgers of processes that ended or became another program. The
 * state of a process is examined again right before its ledger is removed; the file's name contains
 * the start time, so no other process's ledger ever gets it. Snapshots, copies (their names do not
 * agree with their headers), files that cannot be read, and the ledgers of a `lmm run` that still
 * runs, stay.
 *
 * A ledger of another boot is of a process that has ended, or of one on another machine that shares the
 * directory: nothing in the file tells them apart. (In /dev/shm, which is empty after a boot, it can only be a
 * copy.) So it goes only with --other-boots.
 *
 * It also removes what a process or a `lmm run` left that was killed at a bad moment: ledgers that
 * were being created (drafts), sockets for questions (attach/ask.h), and empty directories of `lmm run`.
 * A living process may use one of these, so only those older than a minute are removed. A socket is also
 * removed together with its ledger.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/attach/ask.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/last_runs.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/run_folder.h"
#include "reporter/core/words.h"

#define LEFTOVER_AGE_NS (60 * LMM_NS_PER_SECOND)

struct arguments {
    bool dry_run;
    bool other_boots;
    uint64_t older_than_ns;
};

enum { KEY_OTHER_BOOTS = 256 };

static const struct argp_option options[] = {
    {"dry-run", 'n', NULL, 0, "Only print what would be removed", 0},
    {"older-than", 'a', "DURATION", 0,
     "Only what was not written for this long: 30s, 10m, 2h; with its unit", 0},
    {"other-boots", KEY_OTHER_BOOTS, NULL, 0,
     "Also ledgers from before the last boot, or of another machine", 0},
    {0},
};

/* A number of what is not guessed here: what is removed is gone. */
static uint64_t parse_age(const char *argument, const struct argp_state *state)
{
    size_t bytes = strlen(argument);

    if (bytes > 0 && isdigit((unsigned char) argument[bytes - 1])) {
        argp_error(state, "--older-than needs a unit: '%ss', '%sm' or '%sh'?", argument, argument,
                   argument);
    }
    return lmm_parse_time(argument, state);
}

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case 'n': arguments->dry_run = true; return 0;
    case KEY_OTHER_BOOTS: arguments->other_boots = true; return 0;
    case 'a': arguments->older_than_ns = parse_age(argument, state); return 0;
    case ARGP_KEY_ARG: argp_error(state, "unexpected argument '%s'", argument); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp lmm_gc_argp = {
    .options = options,
    .parser = parse,
    .doc = "Remove the ledgers of your processes that have ended.",
};

static bool is_over(enum lmm_process_state state)
{
    return state == LMM_PROCESS_EXITED || state == LMM_PROCESS_KILLED ||
           state == LMM_PROCESS_REPLACED || state == LMM_PROCESS_LOST_ENDED;
}

static bool is_old(const struct lmm_ledger_file *file, const struct stat *status, uint64_t age_ns)
{
    uint64_t now_ns = lmm_clock_ns(CLOCK_REALTIME);
    uint64_t written = lmm_timespec_ns(status->st_mtim);

    written = file->header.end_time_ns > written ? file->header.end_time_ns : written;
    return age_ns == 0 || (written <= now_ns && now_ns - written >= age_ns);
}

/* Whether the file at path is still the one that was opened, and its process has ended. */
static bool may_remove(const char *path, const struct lmm_ledger_file *file,
                       const struct arguments *arguments)
{
    enum lmm_process_state state = lmm_process_state(&file->header, file->device, file->inode);
    bool may = is_over(state) || (arguments->other_boots && state == LMM_PROCESS_UNKNOWN &&
                                  lmm_process_is_of_another_boot(&file->header));
    struct stat status;

    return may && lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_dev == file->device && status.st_ino == file->inode &&
           is_old(file, &status, arguments->older_than_ns);
}

struct tally {
    const struct arguments *arguments;
    size_t ledgers;
    size_t drafts;
    size_t sockets;
    size_t folders;
    uint64_t bytes;
    bool failed;
};

/* ---- Ledgers --------------------------------------------------------------------------------- */

/* The name has the process's start time, so no other process's socket ever gets it. */
static void remove_socket(const char *ledger)
{
    char *path = NULL;

    if (asprintf(&path, "%s%s", ledger, LMM_LEDGER_SOCKET_SUFFIX) >= 0) {
        unlink(path);
        free(path);
    }
}

static void sweep(const char *path, struct tally *tally)
{
    const struct arguments *arguments = tally->arguments;
    struct lmm_ledger_file file;
    struct lmm_reason reason = {""};

    if (!lmm_ledger_file_open(path, &file, &reason)) {
        return; /* another lmm gc has removed it */
    }
    if (lmm_ledger_file_has_own_name(path, &file.header) && may_remove(path, &file, arguments) &&
        !lmm_run_folder_is_busy(path)) {
        if (arguments->dry_run || unlink(path) == 0) {
            if (!arguments->dry_run) {
                remove_socket(path);
                lmm_run_folder_tidy(path);
            }
            tally->ledgers++;
            tally->bytes += file.bytes;
        } else {
            lmm_complain("%s: %s", path, strerror(errno));
            tally->failed = true;
        }
    }
    lmm_ledger_file_close(&file);
}

/* ---- Drafts, sockets and empty folders ------------------------------------------------------- */

static bool is_leftover(const struct stat *status, const struct tally *tally)
{
    uint64_t age_ns = tally->arguments->older_than_ns;
    uint64_t now_ns = lmm_clock_ns(CLOCK_REALTIME);
    uint64_t written_ns = lmm_timespec_ns(status->st_mtim);

    age_ns = age_ns > LEFTOVER_AGE_NS ? age_ns : LEFTOVER_AGE_NS;
    return written_ns <= now_ns && now_ns - written_ns >= age_ns;
}

/* Removes a file that a process left and that is no ledger. Returns whether it was one. */
static bool sweep_leftover(int directory, const char *name, struct tally *tally)
{
    struct stat status;

    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !is_leftover(&status, tally)) {
        return false;
    }
    bool is_draft = S_ISREG(status.st_mode) && lmm_ledger_file_is_draft(name);
    bool is_socket = S_ISSOCK(status.st_mode) && lmm_ask_socket_is_stale(directory, name);

    if ((!is_draft && !is_socket) ||
        (!tally->arguments->dry_run && unlinkat(directory, name, 0) != 0)) {
        return false;
    }
    tally->drafts += is_draft;
    tally->sockets += is_socket;
    return true;
}

/* Removes drafts and sockets from a directory. Returns whether nothing else is in it, except what an ended run
 * left of its started processes. */
static bool sweep_leftovers(DIR *directory, struct tally *tally)
{
    const struct dirent *entry;
    bool is_empty = true;

    while ((entry = readdir(directory)) != NULL) {
        bool is_dot = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;

        if (!is_dot && !sweep_leftover(dirfd(directory), entry->d_name, tally)) {
            is_empty = is_empty && strcmp(entry->d_name, LMM_RUN_FOLDER_STARTS) == 0;
        }
    }
    return is_empty;
}

static void sweep_folder(void *context, const char *path)
{
    struct tally *tally = context;
    struct stat status;

    if (lstat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
        return;
    }
    DIR *directory = opendir(path);

    if (directory != NULL) {
        /* Its age is that before a draft was removed from it. */
        bool may_go = sweep_leftovers(directory, tally) && is_leftover(&status, tally) &&
                      lmm_run_folder_is_idle(path);

        if (may_go && !tally->arguments->dry_run) {
            unlinkat(dirfd(directory), LMM_RUN_FOLDER_STARTS, 0);
        }
        tally->folders += may_go && (tally->arguments->dry_run || rmdir(path) == 0);
        closedir(directory);
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void print(const struct tally *tally)
{
    printf("%s %zu %s, %" PRIu64 " bytes", tally->arguments->dry_run ? "would remove" : "removed",
           tally->ledgers, lmm_plural(tally->ledgers, "ledger", "ledgers"), tally->bytes);
    if (tally->drafts > 0) {
        printf(", %zu %s", tally->drafts, lmm_plural(tally->drafts, "draft", "drafts"));
    }
    if (tally->sockets > 0) {
        printf(", %zu %s", tally->sockets, lmm_plural(tally->sockets, "socket", "sockets"));
    }
    if (tally->folders > 0) {
        printf(", %zu empty %s", tally->folders, lmm_plural(tally->folders, "folder", "folders"));
    }
    printf("\n");
}

int lmm_cmd_gc(int argc, char **argv)
{
    struct arguments arguments = {.dry_run = false};
    struct tally tally = {.arguments = &arguments};

    lmm_command_line_read(&lmm_gc_argp, argc, argv, 0, &arguments);
    struct lmm_ledger_list ledgers = lmm_discover_list();

    for (size_t i = 0; i < ledgers.count; i++) {
        bool may_be_over = arguments.other_boots && ledgers.entry[i].state == LMM_PROCESS_UNKNOWN;

        if (is_over(ledgers.entry[i].state) || may_be_over) {
            sweep(ledgers.entry[i].path, &tally);
        }
    }
    lmm_discover_folders(sweep_folder, &tally);
    lmm_last_runs_sweep(arguments.older_than_ns, arguments.dry_run, &tally.ledgers, &tally.bytes);
    print(&tally);
    lmm_discover_free(&ledgers);
    return tally.failed ? LMM_EXIT_FAILED : LMM_EXIT_DONE;
}
