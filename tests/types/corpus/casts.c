/* SPDX-License-Identifier: MIT */
/* Blocks that change their type on the way. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct message {
    int kind, length;
    char *body;
};

struct event {
    int kind, code;
    void *source;
};

typedef void *handle;
typedef unsigned long word;

NOT_INLINED static struct message *from_bytes(void)
{
    char *raw = malloc(sizeof(struct message)); /* type: struct message */

    memset(raw, 0, sizeof(struct message));
    return (struct message *) raw;
}

NOT_INLINED static struct message *from_silent_bytes(void)
{
    char *raw = malloc(number(16)); /* type: struct message | char[] */

    return (struct message *) raw;
}

NOT_INLINED static handle as_handle(void)
{
    struct event *event = malloc(sizeof(*event)); /* type: struct event */

    event->kind = 1;
    return event;
}

NOT_INLINED static word as_word(void)
{
    struct event *event = malloc(number(16)); /* type: struct event */

    event->code = 2;
    return (word) event;
}

NOT_INLINED static void reuse(void **slot)
{
    struct message *message = malloc(number(16)); /* type: struct message */

    message->body = NULL;
    *slot = message;
    struct event *event = *slot;
    keep(event);
}

NOT_INLINED static struct event *checked(struct event *event)
{
    if (event == NULL) {
        abort();
    }
    return event;
}

int main(void)
{
    void *slot;
    struct event *event = checked(malloc(sizeof(struct event)));     /* type: struct event */
    struct message **table = (struct message **) malloc(number(64)); /* type: struct message *[] */
    unsigned char *bytes = (unsigned char *) malloc(sizeof(struct event) *
                                                    3); /* type: struct event[] | unsigned char[] */

    reuse(&slot);
    table[0] = from_bytes();        /* type: struct message */
    table[1] = from_silent_bytes(); /* type: struct message | char[] */
    bytes[0] = 1;
    keep(table), keep(as_handle()), keep((const void *) as_word()), keep(event), keep(bytes),
        keep(slot);
    return 0;
}
