/* SPDX-License-Identifier: MIT */
/* A void * is passed to a function that initialises it. */
#include <stdlib.h>

#include "keep.h"

struct socket {
    int descriptor;
    int state;
    struct socket *peer;
};

struct timer {
    long seconds, nanoseconds;
    void (*call)(void *);
};

NOT_INLINED static void socket_init(struct socket *socket, int descriptor)
{
    socket->descriptor = descriptor;
    socket->peer = NULL;
}

NOT_INLINED static int timer_start(long seconds, struct timer *timer)
{
    timer->seconds = seconds;
    return 0;
}

int main(void)
{
    void *p = malloc(number(16)); /* type: struct socket */
    void *q = malloc(number(24)); /* type: struct timer */

    socket_init(p, 3);
    timer_start(4, q);
    keep(p);
    keep(q);
    socket_init(p = malloc(number(16)), 5); /* type: struct socket */
    keep(p);
    return 0;
}
