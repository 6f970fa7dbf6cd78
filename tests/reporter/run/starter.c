/* SPDX-License-Identifier: MIT */
/*
 * starter: a program that leaks nothing itself, and starts processes.
 *
 *   starter                     does nothing
 *   starter leak                leaks a block
 *   starter environment         prints its environment
 *   starter fork|vfork|spawn|exec PROGRAM [ARGUMENT...]     executes it, and waits for it; exec: itself
 *   starter system COMMAND
 *   starter kill                a child allocates, and is killed by SIGKILL
 *   starter quick N             a child allocates, and ends by _exit(N)
 *   starter clear PROGRAM       executes it in a child without an environment
 *   starter daemon              ends by _exit at once; a child goes on, and leaks when its input has ended
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static void *volatile kept;

static int be_daemon(void)
{
    char byte;

    if (fork() != 0) {
        _exit(0);
    }
    setsid();
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    kept = malloc(1000);
    kept = malloc(2000);
    return 5;
}

static pid_t start(const char *how, char **program)
{
    char *nothing[] = {NULL};
    pid_t child = -1;

    if (strcmp(how, "spawn") == 0) {
        return posix_spawnp(&child, program[0], NULL, NULL, program, environ) == 0 ? child : -1;
    }
    if (strcmp(how, "vfork") == 0) {
        child = vfork();
    } else {
        child = fork();
    }
    if (child == 0 && strcmp(how, "clear") == 0) {
        execve(program[0], program, nothing);
    } else if (child == 0) {
        execvp(program[0], program);
    }
    if (child == 0) {
        _exit(127);
    }
    return child;
}

static int end_child(const char *how, int status)
{
    if (fork() == 0) {
        kept = malloc(10);
        if (strcmp(how, "kill") == 0) {
            raise(SIGKILL);
        }
        _exit(status);
    }
    wait(NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";

    free(malloc(10));
    if (strcmp(how, "leak") == 0) {
        kept = malloc(100);
        kept = malloc(100);
    } else if (strcmp(how, "environment") == 0) {
        for (size_t i = 0; environ[i] != NULL; i++) {
            puts(environ[i]);
        }
    } else if (strcmp(how, "daemon") == 0) {
        return be_daemon();
    } else if (strcmp(how, "system") == 0 && argc > 2) {
        return system(argv[2]) == -1;
    } else if (strcmp(how, "exec") == 0) {
        execvp(argv[2], argv + 2);
        return 1;
    } else if (strcmp(how, "kill") == 0 || strcmp(how, "quick") == 0) {
        return end_child(how, argc > 2 ? atoi(argv[2]) : 0);
    } else if (argc > 2) {
        return start(how, argv + 2) <= 0 || wait(NULL) <= 0;
    }
    return 0;
}
