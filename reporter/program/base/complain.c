/* SPDX-License-Identifier: MIT */
/* complain: writes a message as one line on stderr, whatever characters the quoted names
 * contain. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/core/words.h"

bool lmm_sigpipe_was_ignored; /* defined here because tests without main.c link it, too */

void lmm_complain(const char *format, ...)
{
    char message[8192]; /* room for two paths and some words */
    int descriptor = STDERR_FILENO;
    struct lmm_sink sink;
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    lmm_sink_init(&sink, lmm_output_to_descriptor, &descriptor);
    lmm_sink_puts(&sink, "lmm: ");
    lmm_put_string(&sink, lmm_string_of(message));
    lmm_sink_puts(&sink, "\n");
    lmm_sink_flush(&sink);
}
