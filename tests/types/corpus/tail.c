/* SPDX-License-Identifier: MIT */
/* The call is the last thing that a function does. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct packet {
    long sequence;
    char payload[56];
};

struct frame {
    struct packet *packet;
    struct frame *next;
};

NOT_INLINED static struct packet *new_packet(void)
{
    return malloc(sizeof(struct packet)); /* type: struct packet */
}

NOT_INLINED static struct packet *forward(void)
{
    return new_packet(); /* type: struct packet */
}

NOT_INLINED static void *any(size_t size)
{
    return malloc(size); /* type: struct frame | struct packet */
}

NOT_INLINED static struct frame *new_frame(void)
{
    return any(sizeof(struct frame)); /* type: struct frame */
}

NOT_INLINED static struct packet *copy(const struct packet *packet)
{
    return memcpy(malloc(sizeof(*packet)), packet, sizeof(*packet)); /* type: struct packet */
}

NOT_INLINED static struct packet *zeroed(void)
{
    return memset(malloc(64), 0, 64); /* type: struct packet */
}

int main(void)
{
    struct packet *packet = forward();       /* type: struct packet */
    struct frame *frame = new_frame();       /* type: struct frame */
    struct packet *direct = any(number(64)); /* type: struct packet */

    packet->sequence = 1;
    frame->packet = packet;
    memset(packet, 0, sizeof(*packet));
    keep(frame), keep(direct), keep(copy(packet)), keep(zeroed()); /* type: struct packet */
    return 0;
}
