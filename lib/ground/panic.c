/* SPDX-License-Identifier: MIT */
#include "lib/ground/panic.h"

#include "lib/ground/streams.h"
#include "lib/ground/system.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

/* A write to a pipe without readers, or past the limit of file sizes, sends this thread a signal,
 * which must not end the program: block it, and take it unless one was pending before. */
static void write_without_signal(const char *line, size_t length)
{
    const uint64_t on_pipe = UINT64_C(1) << (SIGPIPE - 1);
    const uint64_t on_limit = UINT64_C(1) << (SIGXFSZ - 1);
    uint64_t pending = lmm_system_sigpending();
    uint64_t before;

    lmm_system_sigmask(SIG_BLOCK, on_pipe | on_limit, &before);
    ssize_t result = lmm_system_write(STDERR_FILENO, line, length);
    uint64_t sent = result == -EPIPE ? on_pipe : result == -EFBIG ? on_limit : 0;
    if ((sent & ~pending) != 0) {
        lmm_system_take_signal(sent);
    }
    lmm_system_sigmask(SIG_SETMASK, before, NULL);
}

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
    write_without_signal(line, length); /* a failure cannot be reported anywhere else */
}

void lmm_panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line("lmm: panic: ", format, arguments);
    va_end(arguments);
    abort();
}

struct lmm_quiet lmm_quiet_begin(void)
{
    struct lmm_quiet quiet = {.saved_errno = errno};

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &quiet.cancel_state);
    return quiet;
}

void lmm_quiet_end(const struct lmm_quiet *quiet)
{
    pthread_setcancelstate(quiet->cancel_state, NULL);
    errno = quiet->saved_errno;
}

void lmm_warn(const char *format, ...)
{
    struct lmm_quiet quiet = lmm_quiet_begin();
    va_list arguments;

    /* A program that closed all of its descriptors may have a file of its own as the third. A program
     * that replaced only this one directs its messages there. */
    if (lmm_stream_is_own(STDERR_FILENO, STDERR_FILENO) ||
        lmm_stream_is_own(STDIN_FILENO, STDIN_FILENO)) {
        va_start(arguments, format);
        write_line("lmm: ", format, arguments);
        va_end(arguments);
    }
    lmm_quiet_end(&quiet);
}
