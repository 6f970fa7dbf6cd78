/* SPDX-License-Identifier: MIT */
/*
 * sparse: a program that allocates 100,000 blocks of 64 bytes and keeps each 64th. WORD:
 *
 *     end       ends
 *     wait      says "ready" first, and waits until its input ends
 *     threads   the same, and two other threads allocate and free meanwhile
 *     kill      is killed by SIGKILL
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 100000, STEP = 64, BYTES = 64, OTHERS = 200 };

static void *volatile blocks[BLOCKS];

static void make(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BYTES); /* the planted line */
    }
}

static void thin_out(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        if (i % STEP != 0) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
    }
}

static _Noreturn void *churn(void *arg)
{
    unsigned seed = (unsigned) (size_t) arg;
    void *volatile others[OTHERS] = {NULL};

    for (;;) {
        seed = seed * 1103515245 + 12345;
        size_t at = seed / 65536 % OTHERS;
        free(others[at]);
        others[at] = malloc(seed / 65536 % 5000);
    }
}

static void wait_for_the_end(void)
{
    char byte;

    if (write(STDOUT_FILENO, "ready\n", 6) == 6) {
        while (read(STDIN_FILENO, &byte, 1) > 0) {
        }
    }
}

int main(int argc, char **argv)
{
    const char *word = argc == 2 ? argv[1] : "";
    pthread_t thread;

    make();
    thin_out();
    for (size_t i = 1; strcmp(word, "threads") == 0 && i <= 2; i++) {
        pthread_create(&thread, NULL, churn, (void *) i);
    }
    if (strcmp(word, "kill") == 0) {
        raise(SIGKILL);
    }
    if (strcmp(word, "end") != 0) {
        wait_for_the_end();
    }
    return 0;
}
