/* SPDX-License-Identifier: MIT */
/*
 * cmd_gc: `lmm gc`: removes the ledgers of processes that ended or became another program. The
 * state of a process is examined again right before its ledger is removed; the file's name contains
 * the start time, so no other process's ledger ever gets it. Snapshots, files that cannot be read,
 * and the ledgers of a `lmm run` that still runs, stay.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/run_folder.h"
#include "reporter/core/words.h"

struct arguments {
    bool dry_run;
    uint64_t older_than_ns;
};

static const struct argp_option options[] = {
    {"dry-run", 'n', NULL, 0, "Only print what would be removed", 0},
    {"older-than", 'a', "DURATION", 0, "Only ledgers not written for this long: 30s, 10m, 2h", 0},
    {0},
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case 'n': arguments->dry_run = true; return 0;
    case 'a': arguments->older_than_ns = lmm_parse_time(argument, state); return 0;
    case ARGP_KEY_ARG: argp_error(state, "unexpected argument '%s'", argument); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
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
static bool may_remove(const char *path, const struct lmm_ledger_file *file, uint64_t age_ns)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_dev == file->device &&
           status.st_ino == file->inode && is_old(file, &status, age_ns) &&
           is_over(lmm_process_state(&file->header, file->device, file->inode));
}

struct tally {
    size_t ledgers;
    uint64_t bytes;
    bool failed;
};

static void sweep(const struct arguments *arguments, const char *path, struct tally *tally)
{
    struct lmm_ledger_file file;
    struct lmm_reason reason = {""};

    if (!lmm_ledger_file_open(path, &file, &reason)) {
        return; /* another lmm gc has removed it */
    }
    if (may_remove(path, &file, arguments->older_than_ns) && !lmm_run_folder_is_busy(path)) {
        if (arguments->dry_run || unlink(path) == 0) {
            lmm_run_folder_tidy(path);
            tally->ledgers++;
            tally->bytes += file.bytes;
        } else {
            lmm_complain("%s: %s", path, strerror(errno));
            tally->failed = true;
        }
    }
    lmm_ledger_file_close(&file);
}

int lmm_cmd_gc(int argc, char **argv)
{
    struct arguments arguments = {false, 0};
    struct tally tally = {0, 0, false};

    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    struct lmm_ledger_list ledgers = lmm_discover_list();

    for (size_t i = 0; i < ledgers.count; i++) {
        if (is_over(ledgers.entry[i].state)) {
            sweep(&arguments, ledgers.entry[i].path, &tally);
        }
    }
    printf("%s %zu %s, %" PRIu64 " bytes\n", arguments.dry_run ? "would remove" : "removed",
           tally.ledgers, lmm_plural(tally.ledgers, "ledger", "ledgers"), tally.bytes);
    lmm_discover_free(&ledgers);
    return tally.failed ? LMM_EXIT_FAILED : LMM_EXIT_DONE;
}
