/* SPDX-License-Identifier: MIT */
/* leaky: a program that leaks at places that its test knows by their marks, and ends with the
 * status of its first argument; "_exit", "signal" and "exec" instead end it so. */
#include <signal.h>
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
    return atoi(how);
}
