/* SPDX-License-Identifier: MIT */
/* Plain buffers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "keep.h"

struct stream {
    unsigned char *bytes;
    size_t room;
    void *raw;
    uint8_t *window;
};

NOT_INLINED static void open_stream(struct stream *stream, size_t room)
{
    stream->bytes = malloc(room);  /* type: unsigned char[] */
    stream->raw = malloc(room);    /* type: none */
    stream->window = malloc(room); /* type: unsigned char[] | uint8_t[] */
    stream->room = room;
}

int main(void)
{
    static struct stream stream;
    char *line = malloc(1024);                        /* type: char[] */
    void *raw = malloc(number(100));                  /* type: none */
    wchar_t *wide = malloc(20 * sizeof(wchar_t));     /* type: wchar_t[] | int[] */
    signed char *samples = malloc(number(4000));      /* type: signed char[] */
    const char *copy = memcpy(malloc(6), "hello", 6); /* type: char[] */

    open_stream(&stream, number(333));
    memset(raw, 0, 100);
    line[0] = 0;
    samples[0] = 0;
    wide[0] = 0;
    keep(&stream), keep(line), keep(raw), keep(wide), keep(samples), keep(copy);
    return 0;
}
