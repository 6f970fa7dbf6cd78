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

/* Puts prefix, message and newline into line, and returns its length; a longer one is cut. */
static LMM_PRINTF(3, 0) size_t
    make_line(char line[LINE_BYTES], const char *prefix, const char *format, va_list arguments)
{
    size_t length = strlen(prefix);

    memcpy(line, prefix, length);
    int printed = vsnprintf(line + length, LINE_BYTES - length - 1, format, arguments);
    if (printed > 0) {
        size_t room = LINE_BYTES - length - 2;
        length += (size_t) printed < room ? (size_t) printed : room;
    }
    for (size_t i = 0; i < length; i++) {
        /* Names come from the program; they must not break the line or drive a terminal. */
        if ((unsigned char) line[i] < ' ' || line[i] == 127) {
            line[i] = '?';
        }
    }
    line[length++] = '\n';
    return length;
}

static void (*panic_note)(const char *message); /* atomic */

void lmm_panic_set_note(void (*note)(const char *message))
{
    __atomic_store_n(&panic_note, note, __ATOMIC_RELEASE);
}

/* Not while another thread's note is taken, nor for a panic of the note itself. */
static void take_note(const char *message)
{
    static bool is_noting;
    void (*note)(const char *message) = __atomic_load_n(&panic_note, __ATOMIC_ACQUIRE);

    if (note != NULL && !__atomic_exchange_n(&is_noting, true, __ATOMIC_ACQ_REL)) {
        note(message);
        /* The process may go on: this may be a child made by vfork, or a handler of SIGABRT jumps. */
        __atomic_store_n(&is_noting, false, __ATOMIC_RELEASE);
    }
}

void lmm_panic(const char *format, ...)
{
    static const char prefix[] = "lmm: panic: ";
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    size_t length = make_line(line, prefix, format, arguments);
    va_end(arguments);
    write_without_signal(line, length); /* a failure cannot be reported anywhere else */
    line[length - 1] = '\0';
    take_note(line + strlen(prefix));
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
        char line[LINE_BYTES];
        va_start(arguments, format);
        size_t length = make_line(line, "lmm: ", format, arguments);
        va_end(arguments);
        write_without_signal(line, length);
    }
    lmm_quiet_end(&quiet);
}
