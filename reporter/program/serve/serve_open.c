/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_open.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reporter/program/base/program.h"

extern char **environ;

void lmm_serve_open(const char *url)
{
    char program[] = "xdg-open";
    char *copy = strdup(url);
    char *argv[] = {program, copy, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t usual;
    pid_t pid;

    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    signal(SIGCHLD, SIG_IGN); /* nobody waits for it */
    if (copy == NULL || posix_spawnp(&pid, program, &actions, &attributes, argv, environ) != 0) {
        lmm_complain("--open needs xdg-open (package xdg-utils): open the address yourself");
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(copy);
}
