/* SPDX-License-Identifier: MIT */
/* Blocks come through two levels of wrappers. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct job {
    struct job *next;
    int (*run)(struct job *);
    void *data;
};

struct queue {
    struct job *first, *last;
    size_t count;
    int flags;
};

static size_t total;

NOT_INLINED static void *raw(size_t size)
{
    void *p = malloc(size); /* type: struct job | struct queue | char[] */

    total += size;
    return p;
}

NOT_INLINED static void *zeroed(size_t size)
{
    void *p = raw(size); /* type: struct job | struct queue | char[] */

    return memset(p, 0, size);
}

NOT_INLINED static struct queue *new_queue(void)
{
    return zeroed(sizeof(struct queue)); /* type: struct queue */
}

int main(void)
{
    struct job *job = zeroed(sizeof(struct job)); /* type: struct job */
    struct queue *queue = new_queue();
    char *line = zeroed(number(81)); /* type: char[] */

    queue->first = job;
    queue->last = zeroed(number(24)); /* type: struct job */
    keep(queue);
    keep(line);
    return total == 0;
}
