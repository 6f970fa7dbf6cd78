/* SPDX-License-Identifier: MIT */
/* leaky: a program that leaks at places that its test knows by their marks, and ends with the
 * status of its first argument; "_exit", "signal" and "exec" instead end it so. "daemon" prints
 * "ready" and the PID of a child, which leaks more for each byte of its input; "silent" is the same,
 * with a child that has not allocated when its parent ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *volatile kept;

static __attribute__((noinline)) void leak_blocks(void)
{
    for (int i = 0; i < 3; i++) {
        kept = malloc(100); /* MARK blocks */
    }
}

static inline __attribute__((always_inline)) void leak_inline(void)
{
    kept = calloc(1, 1000000); /* MARK inline */
}

static __attribute__((noinline)) void leak_string(void)
{
    kept = strdup("seventeen bytes."); /* MARK string */
}

static __attribute__((noinline)) void make_temporaries(void)
{
    for (int i = 0; i < 1000; i++) {
        kept = malloc(50); /* MARK temporary */
        free(kept);
    }
}

/* Returns when the child reads its input. */
static void start_daemon(int leaks_at_once)
{
    int ready[2];
    char byte = 0;

    if (pipe(ready) != 0) {
        abort();
    }
    pid_t child = fork();
    if (child == 0) {
        if (leaks_at_once) {
            leak_blocks();
        }
        ssize_t got = write(ready[1], &byte, 1);
        while (got == 1) {
            got = read(STDIN_FILENO, &byte, 1);
            leak_blocks();
        }
        exit(0);
    }
    if (read(ready[0], &byte, 1) == 1) {
        dprintf(STDOUT_FILENO, "ready\n%d\n", (int) child);
    }
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "0";

    leak_blocks();
    leak_inline();
    leak_string();
    make_temporaries();
    if (strcmp(how, "_exit") == 0) {
        _exit(3);
    }
    if (strcmp(how, "signal") == 0) {
        raise(SIGKILL);
    }
    if (strcmp(how, "exec") == 0) {
        execl(argv[0], argv[0], "4", (char *) NULL);
    }
    if (strcmp(how, "fork") == 0 && fork() == 0) {
        execl(argv[0], argv[0], "5", (char *) NULL);
    }
    if (strcmp(how, "daemon") == 0 || strcmp(how, "silent") == 0) {
        start_daemon(how[0] == 'd');
    }
    return atoi(how);
}
