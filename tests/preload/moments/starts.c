/* SPDX-License-Identifier: MIT */
/* Starts a process in each way, seven in all, and exits with 7; starts.py reads what its ledgers tell. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static void *volatile kept;

static void start_by_fork(void)
{
    if (fork() == 0) {
        kept = malloc(10);
        _exit(3);
    }
    if (fork() == 0) {
        kept = malloc(10);
        raise(SIGKILL);
    }
    if (fork() == 0) {
        execl("./nowhere", "nowhere", (char *) NULL);
        execl("/bin/true", "true", (char *) NULL);
    }
}

static void start_otherwise(void)
{
    char *const arguments[] = {(char[]) {"true"}, NULL};
    pid_t child;

    if (vfork() == 0) {
        execlp("nowhere", "nowhere", (char *) NULL);
        execlp("true", "true", (char *) NULL);
        _exit(127);
    }
    if (posix_spawnp(&child, "true", NULL, NULL, arguments, environ) != 0 ||
        system("exit 4") != 4 << 8) {
        abort();
    }
    FILE *pipe = popen("true", "r");
    if (pipe == NULL || pclose(pipe) != 0) {
        abort();
    }
}

int main(void)
{
    kept = malloc(10);
    start_by_fork();
    start_otherwise();
    while (wait(NULL) > 0) {
    }
    return 7;
}
