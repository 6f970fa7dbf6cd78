/* SPDX-License-Identifier: MIT */
/*
 * over_time [WAIT]: its live bytes grow to a million, stay so, and fall to 0, some milliseconds each; then
 * it exits with status 3. With WAIT it writes "ready" and its PID when they are highest, and goes on when standard
 * input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ITEMS = 1000, ITEM_BYTES = 1000, TABLE_BYTES = 4000 };

struct item {
    char bytes[ITEM_BYTES];
};

struct table {
    char bytes[TABLE_BYTES];
};

static struct item *volatile items[ITEMS];
static struct table *volatile table;

static void pause_ms(long ms)
{
    const struct timespec pause = {0, ms * 1000000};

    nanosleep(&pause, NULL);
}

__attribute__((noinline)) static struct item *make_item(void)
{
    struct item *item = malloc(sizeof(struct item)); /* MARK item */

    memset(item, 1, sizeof(*item));
    return item;
}

static void wait_for_end(void)
{
    char line[64];
    int bytes = snprintf(line, sizeof(line), "ready\n%ld\n", (long) getpid());

    if (write(STDOUT_FILENO, line, (size_t) bytes) != bytes) {
        _exit(9);
    }
    while (read(STDIN_FILENO, line, sizeof(line)) > 0) {
    }
}

int main(int count, char **arguments)
{
    (void) arguments;
    table = malloc(sizeof(struct table)); /* MARK table */
    for (int i = 0; i < ITEMS; i++) {
        items[i] = make_item();
        pause_ms(i % 100 == 0 ? 5 : 0);
    }
    if (count > 1) {
        wait_for_end();
    }
    pause_ms(50);
    for (int i = 0; i < ITEMS; i++) {
        free(items[i]);
        pause_ms(i % 100 == 0 ? 5 : 0);
    }
    free(table);
    return 3;
}
