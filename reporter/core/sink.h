/* SPDX-License-Identifier: MIT */
/*
 * sink: the output of a report. A buffer of fixed size stands before the caller's write function,
 * so that a program that is out of memory can print a report: nothing here allocates.
 *
 * Invariants (checked by LMM_REQUIRE in lmm_sink_write() and lmm_sink_flush()):
 *   I1  used_bytes < sizeof(buffer) between calls
 *   I2  error is 0 or the first -errno of the write function; once it is set nothing more is
 *       written
 *
 * Locks: none; a sink belongs to one thread. Not responsible for escaping what is written.
 */
#ifndef LMM_REPORTER_SINK_H
#define LMM_REPORTER_SINK_H

#include <stddef.h>

enum {
    LMM_SINK_BYTES = 4096,
    LMM_SINK_PRINTF_MAX = 512, /* longest output of one lmm_sink_printf(), in bytes */
};

/* Takes all of data; returns 0 or -errno. bytes is at least 1. */
typedef int (*lmm_sink_write_fn)(void *context, const char *data, size_t bytes);

struct lmm_sink {
    lmm_sink_write_fn write;
    void *context;
    int error;
    size_t used_bytes;
    char buffer[LMM_SINK_BYTES];
};

/* Makes *sink empty; what is put in goes to write(context, ...). context may be NULL. */
void lmm_sink_init(struct lmm_sink *sink, lmm_sink_write_fn write, void *context);

/* Puts bytes of data into the sink. */
void lmm_sink_write(struct lmm_sink *sink, const char *data, size_t bytes);

/* Puts the string text, without its NUL, into the sink. */
void lmm_sink_puts(struct lmm_sink *sink, const char *text);

/*
 * Formats into the sink. Only integers and short strings: no floating point (it may allocate), and
 * an output beyond LMM_SINK_PRINTF_MAX makes the sink fail with -EMSGSIZE rather than cut a figure.
 */
void lmm_sink_printf(struct lmm_sink *sink, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts count blanks into the sink. */
void lmm_sink_pad(struct lmm_sink *sink, size_t count);

/* Writes the buffered bytes. Returns 0, or the first error as -errno. */
int lmm_sink_flush(struct lmm_sink *sink);

#endif
