/* SPDX-License-Identifier: MIT */
/*
 * forker: forks children that allocate, half of which return from main() and half of which call _exit(). A
 * process writes "main" or "child" when LMM asks it before a leak check.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 6 };

static const char *name = "main\n";

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return write(STDOUT_FILENO, name, strlen(name)) < 0;
}

static int be_child(int i)
{
    name = "child\n";
    free(malloc(100));
    if (i % 2 != 0) {
        _exit(0);
    }
    return 0;
}

int main(void)
{
    free(malloc(100));
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0) {
            return be_child(i);
        }
        waitpid(child, NULL, 0);
    }
    return 0;
}
