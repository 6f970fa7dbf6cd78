/* SPDX-License-Identifier: MIT */
/* complain: one line on stderr, whatever stands in the names that it quotes. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/core/words.h"

bool lmm_sigpipe_was_ignored; /* here, because what has no main() links it too */

void lmm_complain(const char *format, ...)
{
    char message[8192]; /* two paths and some words */
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
