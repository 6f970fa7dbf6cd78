/* SPDX-License-Identifier: MIT */
/* harness: see harness.h. The pipes are read to their end before the child is waited for; both hold
 * far less than a pipe's buffer, so their order does not matter. */
#include "harness.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/patience.h"
#include "tests/support/read_all.h"

enum {
    LINE_BYTES = 4096,
    PATIENCE_SECONDS = 60,
    EXIT_SURVIVED = 99,
};

static int expect_fd = -1;

void death_expect(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char line[LINE_BYTES];
    int length = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (length < 0 || dprintf(expect_fd, "lmm: panic: %s\n", line) <= length) {
        _exit(1);
    }
}

static void child_run(const struct death_case *one_case, int error_fd)
{
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    patience_alarm(PATIENCE_SECONDS);
    if (dup2(error_fd, STDERR_FILENO) < 0) {
        _exit(1);
    }
    close(error_fd);
    one_case->misuse();
    _exit(EXIT_SURVIVED);
}

/* An emulator tells on standard error, too, that the program was ended by a signal. */
static void drop_emulator_line(char *got)
{
    char *line = strstr(got, "qemu: uncaught target signal ");

    if (line != NULL && (line == got || line[-1] == '\n')) {
        *line = '\0';
    }
}

/* Whether got, which ends with a newline, is one of the expected lines. */
static bool is_expected(const char *expected, const char *got)
{
    const char *place = strstr(expected, got);

    return strchr(got, '\n') != NULL && place != NULL && (place == expected || place[-1] == '\n');
}

static bool judge(const char *name, int status, const char *expected, const char *got)
{
    bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    if (aborted && is_expected(expected, got)) {
        return true;
    }
    fprintf(stderr, "%s: ", name);
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) == EXIT_SURVIVED) {
        fprintf(stderr, "survived\n");
    } else {
        fprintf(stderr, "exited with %d\n", WEXITSTATUS(status));
    }
    fprintf(stderr, "  expected:\n%s  got:\n%s\n", expected, got[0] != '\0' ? got : "(nothing)");
    return false;
}

static bool run_once(const struct death_case *one_case)
{
    int error_pipe[2];
    int expect_pipe[2];
    if (pipe(error_pipe) != 0 || pipe(expect_pipe) != 0) {
        perror("pipe");
        return false;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(error_pipe[0]);
        close(expect_pipe[0]);
        expect_fd = expect_pipe[1];
        child_run(one_case, error_pipe[1]);
    }
    close(error_pipe[1]);
    close(expect_pipe[1]);
    char got[LINE_BYTES];
    char expected[LINE_BYTES];
    read_all(error_pipe[0], got, sizeof(got));
    read_all(expect_pipe[0], expected, sizeof(expected));
    drop_emulator_line(got);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork or waitpid");
        return false;
    }
    return judge(one_case->name, status, expected, got);
}

bool death_run(const struct death_case *one_case)
{
    for (unsigned i = 0; i < one_case->times; i++) {
        if (!run_once(one_case)) {
            return false;
        }
    }
    return true;
}
