/* SPDX-License-Identifier: MIT */
#include "reporter/core/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/require.h"

void lmm_sink_init(struct lmm_sink *sink, lmm_sink_write_fn write, void *context)
{
    sink->write = write;
    sink->context = context;
    sink->error = 0;
    sink->used_bytes = 0;
}

static void hand_over(struct lmm_sink *sink)
{
    if (sink->error == 0 && sink->used_bytes > 0) {
        sink->error = sink->write(sink->context, sink->buffer, sink->used_bytes);
    }
    sink->used_bytes = 0;
}

void lmm_sink_write(struct lmm_sink *sink, const char *data, size_t bytes)
{
    LMM_REQUIRE(sink->used_bytes < sizeof(sink->buffer));
    while (bytes > 0) {
        size_t room = sizeof(sink->buffer) - sink->used_bytes;
        size_t part = bytes < room ? bytes : room;

        memcpy(sink->buffer + sink->used_bytes, data, part);
        sink->used_bytes += part;
        data += part;
        bytes -= part;
        if (sink->used_bytes == sizeof(sink->buffer)) {
            hand_over(sink);
        }
    }
}

void lmm_sink_puts(struct lmm_sink *sink, const char *text)
{
    lmm_sink_write(sink, text, strlen(text));
}

void lmm_sink_printf(struct lmm_sink *sink, const char *format, ...)
{
    char line[LMM_SINK_PRINTF_MAX + 1];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (length < 0 || (size_t) length >= sizeof(line)) {
        if (sink->error == 0) {
            sink->error = -EMSGSIZE;
        }
        return;
    }
    lmm_sink_write(sink, line, (size_t) length);
}

void lmm_sink_pad(struct lmm_sink *sink, size_t count)
{
    static const char blanks[] = "                                ";

    while (count > 0) {
        size_t part = count < sizeof(blanks) - 1 ? count : sizeof(blanks) - 1;

        lmm_sink_write(sink, blanks, part);
        count -= part;
    }
}

int lmm_sink_flush(struct lmm_sink *sink)
{
    hand_over(sink);
    LMM_REQUIRE(sink->error <= 0 && sink->used_bytes == 0);
    return sink->error;
}
