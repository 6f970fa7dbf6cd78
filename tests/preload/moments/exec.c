/* SPDX-License-Identifier: MIT */
/*
 * children=0: the process keeps the drop-in with every function of the exec family, also after a
 * call that failed; its environment does not show the drop-in; and the programs that it starts do
 * not have it.
 *
 * usage: exec            the test: each stage becomes the next one with another function
 *        exec STAGE      starts at that stage
 *        exec child      exits with 7 with the drop-in, 8 without
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum { ON_DROP_IN = 7, PLAIN = 8 };

extern char **environ;
static char *self;

static void check_environment(void)
{
    CHECK(getenv("LD_PRELOAD") == NULL);
    CHECK(getenv("LMM_OPTIONS") == NULL);
    CHECK(strcmp(getenv("STAYS"), "as it is") == 0);
}

static void expect_plain(pid_t child)
{
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_AT(WIFEXITED(status) && WEXITSTATUS(status) == PLAIN, status);
}

static void test_children(void)
{
    char *const arguments[] = {self, (char[]) {"child"}, NULL};
    pid_t child = fork();
    if (child == 0) {
        execv(self, arguments);
        _exit(126);
    }
    expect_plain(child);
    child = vfork();
    if (child == 0) {
        execl(self, self, "child", (char *) NULL);
        _exit(126);
    }
    expect_plain(child);
    CHECK(posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0);
    expect_plain(child);
}

static void test_failure(void)
{
    char *const arguments[] = {self, NULL};
    errno = 0;
    CHECK(execv("/does/not/exist", arguments) == -1 && errno == ENOENT);
    CHECK(execle("/does/not/exist", self, (char *) NULL, environ) == -1 && errno == ENOENT);
    check_environment();
}

/* Becomes the next stage with this stage's function; returns after the last. */
static void go_on(int stage)
{
    char number[16];
    char *const arguments[] = {self, number, NULL};
    snprintf(number, sizeof(number), "%d", stage + 1);
    switch (stage) {
    case 0: execv(self, arguments); break;
    case 1: execve(self, arguments, environ); break;
    case 2: execvp(self, arguments); break;
    case 3: execvpe(self, arguments, environ); break;
    case 4: fexecve(open(self, O_RDONLY | O_CLOEXEC), arguments, environ); break;
    case 5: execl(self, self, number, (char *) NULL); break;
    case 6: execlp(self, self, number, (char *) NULL); break;
    case 7: execle(self, self, number, (char *) NULL, environ); break;
    case 8: execlp("env", "env", self, number, (char *) NULL); break;
    default: return;
    }
    CHECK_AT(false, stage);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        return check_is_under_lmm() ? ON_DROP_IN : PLAIN;
    }
    int stage = argc > 1 ? atoi(argv[1]) : 0;
    check_start();
    if (stage == 0) {
        CHECK(setenv("STAYS", "as it is", 1) == 0);
        test_children();
        test_failure();
    }
    check_environment();
    go_on(stage);
    return 0;
}
