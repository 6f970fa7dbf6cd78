/* SPDX-License-Identifier: MIT */
#include "panic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

/* Writes prefix, message and newline as one line; a longer one is cut. */
static LMM_PRINTF(2, 0) void write_line(const char *prefix, const char *format, va_list arguments)
{
    char line[LINE_BYTES];
    size_t length = strlen(prefix);

    memcpy(line, prefix, length);
    int printed = vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
    if (printed > 0) {
        size_t room = sizeof(line) - length - 2;
        length += (size_t) printed < room ? (size_t) printed : room;
    }
    for (size_t i = 0; i < length; i++) {
        /* Names come from the program; they must not break the line or drive a terminal. */
        if ((unsigned char) line[i] < ' ' || line[i] == 127) {
            line[i] = '?';
        }
    }
    line[length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length);
    (void) written;    /* there is nobody else to tell */
}

void lmm_panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line("lmm: panic: ", format, arguments);
    va_end(arguments);
    abort();
}

void lmm_warn(const char *format, ...)
{
    int saved_errno = errno;
    va_list arguments;

    va_start(arguments, format);
    write_line("lmm: ", format, arguments);
    va_end(arguments);
    errno = saved_errno;
}
