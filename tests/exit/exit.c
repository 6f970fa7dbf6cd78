/* SPDX-License-Identifier: MIT */
/* What LMM does when a program ends, and under each setting of LMM_OPTIONS: a table of settings,
 * the scenario that runs with them, and its expected stdout, stderr, log file and exit status. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/exit/scenarios.h"
#include "tests/support/glibc.h"
#include "tests/support/patience.h"
#include "tests/support/read_all.h"
#include "tests/support/sanitizers.h"

enum { TEXT_BYTES = 1 << 16, PATIENCE_SECONDS = 60 };

#define NO_NEWLINE "no newline after this"

/* One run of a scenario. */
struct outcome {
    pid_t pid;
    int status; /* as waitpid() gives it */
    char out[TEXT_BYTES];
    char err[TEXT_BYTES];
};

static int failures;

static void complain(const char *name, const char *what, const struct outcome *outcome)
{
    failures++;
    fprintf(stderr, "%s: %s\n  status %#x\n  stdout: %s\n  stderr: %s\n", name, what,
            (unsigned) outcome->status, outcome->out, outcome->err);
}

/* Reads the file; an empty text where there is none. */
static void read_path(const char *path, char *text)
{
    text[0] = '\0';
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        read_all(fd, text, TEXT_BYTES);
    }
}

_Noreturn static void exec_scenario(const char *options, const char *scenario, int out, int err)
{
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (options == NULL) {
        unsetenv("LMM_OPTIONS");
    } else {
        setenv("LMM_OPTIONS", options, 1);
    }
    patience_alarm(PATIENCE_SECONDS);
    execl("/proc/self/exe", "exit", scenario, (char *) NULL);
    _exit(126);
}

static void run(const char *options, const char *scenario, struct outcome *ret_outcome)
{
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
        perror("pipe2");
        exit(EXIT_FAILURE);
    }
    ret_outcome->pid = fork();
    if (ret_outcome->pid == 0) {
        exec_scenario(options, scenario, out[1], err[1]);
    }
    close(out[1]);
    close(err[1]);
    read_all(out[0], ret_outcome->out, TEXT_BYTES);
    read_all(err[0], ret_outcome->err, TEXT_BYTES);
    if (waitpid(ret_outcome->pid, &ret_outcome->status, 0) != ret_outcome->pid) {
        perror("waitpid");
        exit(EXIT_FAILURE);
    }
}

/* Whether the scenario exited with that status and printed that on stdout. */
static bool is_end(const struct outcome *outcome, int exit_status, const char *out)
{
    return WIFEXITED(outcome->status) && WEXITSTATUS(outcome->status) == exit_status &&
           strcmp(outcome->out, out) == 0;
}

static unsigned count_lines(const char *text, const char *start)
{
    unsigned count = 0;
    for (const char *line = text; line != NULL && *line != '\0';) {
        count += strncmp(line, start, strlen(start)) == 0;
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return count;
}

static bool has_line(const char *text, const char *wanted)
{
    size_t length = strlen(wanted);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, wanted, length) == 0 && line[length] == '\n') {
            return true;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return false;
}

/* The report of the scenario "leak": all its lines, no others, and a closing sum. */
static bool is_full_report(const char *text)
{
    for (size_t i = 0; i < LEAK_LINES; i++) {
        if (!has_line(text, leak_lines[i])) {
            fprintf(stderr, "not there: %s\n", leak_lines[i]);
            return false;
        }
    }
    return count_lines(text, "live:") == LEAK_LINES &&
           count_lines(text, "SUMMARY: 11 live blocks, 840 bytes, ") == 1;
}

/* ---- The table ---- */

enum report { NOTHING, FULL, ONE_HIRE, ONE_SIT, USAGE };

static const struct {
    const char *options;
    const char *scenario;
    int exit_status;
    const char *out;
    enum report err;
} rows[] = {
    {NULL, "leak", 3, NO_NEWLINE, NOTHING},
    {"", "leak", 3, NO_NEWLINE, NOTHING},
    {"leaks=0", "leak", 3, NO_NEWLINE, NOTHING},
    {"exitcode=9", "leak", 3, NO_NEWLINE, NOTHING},
    {"leaks=all", "leak", 3, NO_NEWLINE, FULL},
    {":leaks=all:", "leak", 3, NO_NEWLINE, FULL},
    {"leaks=all:exitcode=0", "leak", 3, NO_NEWLINE, FULL},
    {"leaks=all:exitcode=9", "leak", 9, NO_NEWLINE, FULL},
    {"exitcode=255:leaks=all", "leak", 255, NO_NEWLINE, FULL},
    {"leaks=all:exitcode=9", "clean", 3, NO_NEWLINE, NOTHING},
    {"leaks=all:exitcode=9", "unused", 3, "LMM was never called", NOTHING},
    {"leaks=all:exitcode=9", "freed_by_handler", 9, "handler.", ONE_HIRE},
    {"leaks=all:exitcode=9", "freed_by_destructor", 9, "", ONE_SIT},
    {"leaks=all:exitcode=9", "leaked_by_handler", 9, "late.", ONE_HIRE},
    {"leaks=all:exitcode=9", "deep_exit", 9, NO_NEWLINE, FULL},
    {"leaks=all", "deep_exit", 3, NO_NEWLINE, FULL},
    {"leaks=all:exitcode=9", "thread_exit", 9, NO_NEWLINE, FULL},
    {"leaks=all:exitcode=9", "thread_leak", 9, NO_NEWLINE, FULL},
    {"leaks=all:exitcode=9", "immediate", 3, "", NOTHING},
    {"leaks=all:exitcode=9", "stderr_closed", 9, NO_NEWLINE, NOTHING},
    {"leaks=all:exitcode=9", "stdout_closed", 9, "", FULL},
    {"usage=1", "leak", 3, NO_NEWLINE, USAGE},
    {"usage=1", "clean", 3, NO_NEWLINE, USAGE},
};

static bool is_expected(enum report expected, const char *err)
{
    switch (expected) {
    case NOTHING: return err[0] == '\0';
    case FULL: return is_full_report(err);
    case ONE_HIRE:
        return count_lines(err, "live:") == 1 &&
               strstr(err, "live: 1 block, 36 bytes of emp_t allocated at "
                           "tests/exit/scenarios.c:1002 (hire)\n") != NULL;
    case ONE_SIT: return count_lines(err, "live:") == 1 && has_line(err, leak_lines[2]);
    case USAGE:
        return count_lines(err, "SUMMARY: ") == 1 && strstr(err, "emp_t") != NULL &&
               count_lines(err, "live:") == 0;
    }
    return false;
}

/* What only frames of main() and below hold is lost when main() has returned, and not when exit() was called. A
 * sanitizer keeps local variables elsewhere; musl has no unwind tables, by which LMM would see that main() has returned. */
static void check_frames(void)
{
    static struct outcome outcome;

    run("leaks=1:exitcode=9", "held_until_return", &outcome);
    if (!is_end(&outcome, 9, "") ||
        count_lines(outcome.err, "SUMMARY: 1 block, 36 bytes definitely lost") != 1) {
        complain("held_until_return", "not lost", &outcome);
    }
    run("leaks=1:exitcode=9", "held_at_exit", &outcome);
    if (!is_end(&outcome, 3, "") || outcome.err[0] != '\0') {
        complain("held_at_exit", "lost", &outcome);
    }
}

static void check_table(void)
{
    static struct outcome outcome;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[128];
        snprintf(name, sizeof(name), "LMM_OPTIONS=%s %s",
                 rows[i].options != NULL ? rows[i].options : "(unset)", rows[i].scenario);
        run(rows[i].options, rows[i].scenario, &outcome);
        if (!is_end(&outcome, rows[i].exit_status, rows[i].out)) {
            complain(name, "wrong exit status or stdout", &outcome);
        }
        if (!is_expected(rows[i].err, outcome.err)) {
            complain(name, "wrong stderr", &outcome);
        }
    }
}

/* ---- Settings that LMM does not know, or not in this form ---- */

static const struct {
    const char *options;
    const char *complaints[3]; /* one line of stderr for each, which begins with "lmm: " */
    bool reported;             /* leaks=all was understood */
} bad_options[] = {
    {"colour=1", {"colour"}, false},
    {"colour=1:leaks=all", {"colour"}, true},
    {"leaks=all:colour", {"colour"}, true},
    {"leaks=all:first=2:second=3", {"first", "second"}, true},
    {"leaks=yes", {"leaks"}, false},
    {"leaks=", {"leaks"}, false},
    {"leaks", {"leaks"}, false},
    {"leaks=2", {"leaks"}, false},
    {"leaks=all:exitcode=256", {"exitcode"}, true},
    {"leaks=all:exitcode=-1", {"exitcode"}, true},
    {"leaks=all:exitcode=99999999999999999999999", {"exitcode"}, true},
    {"leaks=all:fill=everything", {"fill"}, true},
    {"leaks=all:=:LEAKS=1", {"''", "LEAKS"}, true},
};

static void check_bad_options(void)
{
    static struct outcome outcome;
    for (size_t i = 0; i < sizeof(bad_options) / sizeof(bad_options[0]); i++) {
        const char *options = bad_options[i].options;
        run(options, "leak", &outcome);
        unsigned complaints = 0;
        for (; complaints < 3 && bad_options[i].complaints[complaints] != NULL; complaints++) {
            if (strstr(outcome.err, bad_options[i].complaints[complaints]) == NULL) {
                complain(options, "is not named on stderr", &outcome);
            }
        }
        if (count_lines(outcome.err, "lmm: ") != complaints) {
            complain(options, "wrong number of complaints", &outcome);
        }
        if (!is_end(&outcome, 3, NO_NEWLINE)) {
            complain(options, "a bad option must change nothing", &outcome);
        }
        if ((count_lines(outcome.err, "live:") == LEAK_LINES) != bad_options[i].reported) {
            complain(options, "wrong report", &outcome);
        }
    }
}

static void check_help(void)
{
    static const char *const keys[] = {"exitcode", "fill",      "help", "leaks",
                                       "log",      "reservoir", "usage"};
    static struct outcome outcome;
    run("help=1", "leak", &outcome);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strstr(outcome.err, keys[i]) == NULL) {
            complain("help=1", keys[i], &outcome);
        }
    }
    if (!is_end(&outcome, 3, NO_NEWLINE)) {
        complain("help=1", "the program did not go on", &outcome);
    }
}

/* ---- log=PATH ---- */

static char directory[] = "/tmp/lmm-exit-XXXXXX";

/* Runs with log=DIRECTORY/pattern appended to options, reads DIRECTORY/file, which it removes, to
 * text. */
static void run_logged(const char *options, const char *pattern, const char *scenario,
                       struct outcome *ret_outcome)
{
    char all[512];
    snprintf(all, sizeof(all), "%s:log=%s/%s", options, directory, pattern);
    run(all, scenario, ret_outcome);
}

static void take_log(const char *file, char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", directory, file);
    read_path(path, text);
    unlink(path);
}

static void check_log(void)
{
    static struct outcome outcome;
    static char log[TEXT_BYTES];
    char file[64];

    run_logged("leaks=all:exitcode=9", "plain.txt", "leak", &outcome);
    take_log("plain.txt", log);
    if (!is_full_report(log) || outcome.err[0] != '\0' || !is_end(&outcome, 9, NO_NEWLINE)) {
        complain("log=plain.txt", log, &outcome);
    }
    run_logged("leaks=all", "%e-%p.100%%", "leak", &outcome);
    snprintf(file, sizeof(file), "exit-%ld.100%%", (long) outcome.pid);
    take_log(file, log);
    if (!is_full_report(log) || outcome.err[0] != '\0') {
        complain("log=%e-%p.100%%", log, &outcome);
    }
    run_logged("leaks=all", "no/such/folder", "leak", &outcome);
    if (!is_full_report(outcome.err) || count_lines(outcome.err, "lmm: ") != 1) {
        complain("log=no/such/folder", "the report should be on stderr, with one complaint",
                 &outcome);
    }
    run_logged("leaks=all:exitcode=9", "untouched", "clean", &outcome);
    take_log("untouched", log);
    if (log[0] != '\0' || outcome.err[0] != '\0' || WEXITSTATUS(outcome.status) != 3) {
        complain("log, and no leaks", log, &outcome);
    }
}

#define TWO_HIRED                                                                                  \
    "live: 2 blocks, 72 bytes of emp_t allocated at tests/exit/scenarios.c:1002 (hire)"

/* Parent and child report each for itself; the child's blocks at the fork are its own as well. */
static void check_fork(void)
{
    static struct outcome outcome;
    static char log[TEXT_BYTES];
    long child = 0;
    int child_status = 0;
    char file[64];

    run_logged("leaks=all:exitcode=9", "%p.txt", "forked", &outcome);
    if (sscanf(outcome.out, "%ld.%d", &child, &child_status) != 2 || child_status != 9 ||
        WEXITSTATUS(outcome.status) != 9) {
        complain("fork", "wrong exit status", &outcome);
    }
    snprintf(file, sizeof(file), "%ld.txt", (long) outcome.pid);
    take_log(file, log);
    if (count_lines(log, "live:") != 1 || !has_line(log, TWO_HIRED)) {
        complain("fork, the parent", log, &outcome);
    }
    snprintf(file, sizeof(file), "%ld.txt", child);
    take_log(file, log);
    if (count_lines(log, "live:") != 2 || !has_line(log, leak_lines[1]) ||
        !has_line(log, TWO_HIRED)) {
        complain("fork, the child", log, &outcome);
    }
}

/* ---- fill. Under ASan a freed block cannot be read. ---- */

static const struct {
    const char *options;
    const char *out;
} fills[] = {
    {"fill=alloc", "new aa zeroed 00 array 00 freed 55 array 55 again 00 array 00"},
    {"fill=free", "new 00 zeroed 00 array 00 freed dd array dd again 00 array 00"},
    {"fill=both", "new aa zeroed 00 array 00 freed dd array dd again 00 array 00"},
    {NULL, "new 00 zeroed 00 array 00 freed 55 array 55 again 00 array 00"},
};

static void check_fill(void)
{
    static struct outcome outcome;
    for (size_t i = 0; !ASAN && i < sizeof(fills) / sizeof(fills[0]); i++) {
        run(fills[i].options, "fill", &outcome);
        if (strcmp(outcome.out, fills[i].out) != 0 || outcome.status != 0) {
            complain(fills[i].options != NULL ? fills[i].options : "no fill", fills[i].out,
                     &outcome);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return scenario_run(argv[1]);
    }
    if (mkdtemp(directory) == NULL) {
        perror("mkdtemp");
        return EXIT_FAILURE;
    }
    check_table();
    if (!ASAN && !TSAN && GLIBC) {
        check_frames();
    }
    check_bad_options();
    check_help();
    check_log();
    check_fork();
    check_fill();
    rmdir(directory);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
