/* SPDX-License-Identifier: MIT */
/* Blocks of many sizes from one line, some of which are kept. It allocates at first, then at each
 * line of its input; with an argument it goes on as long as its parent lives. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BLOCKS = 400, /* in a round */
    KEPT_OF = 4,  /* one of so many is kept */
    SIZE_STEP = 37,
    SIZES_END = 6000,
    PAUSE_US = 1000,
};

static void *volatile kept;

static void make_block(unsigned i)
{
    char *block = malloc(8 + i * SIZE_STEP % SIZES_END); /* MARK line */

    if (i % KEPT_OF == 0) {
        kept = block;
    } else {
        free(block);
    }
}

static void make_round(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        make_block(i);
    }
}

static void ready(void)
{
    static const char words[] = "ready\n";

    if (write(STDOUT_FILENO, words, sizeof(words) - 1) < 0) {
        _exit(1);
    }
}

int main(int count, char **words)
{
    pid_t parent = getppid();
    char command;

    (void) words;
    make_round();
    ready();
    for (unsigned i = 0; count > 1 && getppid() == parent; i++) {
        make_block(i);
        usleep(PAUSE_US);
    }
    while (read(STDIN_FILENO, &command, 1) == 1) {
        make_round();
        ready();
    }
    return 0;
}
