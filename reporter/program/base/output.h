/* SPDX-License-Identifier: MIT */
/*
 * output: where a subcommand's result goes: standard output, or the file of -o.
 *
 * A file is written beside its place and renamed when it is whole, so a reader never sees half of one
 * and a failure leaves the old one. What is there and is no regular file (a terminal, a FIFO, /dev/null)
 * is written to as it is.
 *
 * Locks: none.
 */
#ifndef LMM_PROGRAM_OUTPUT_H
#define LMM_PROGRAM_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "reporter/core/sink.h"

struct lmm_output {
    struct lmm_sink sink;
    int descriptor;
    const char *path; /* as the user said it; NULL: standard output */
    char *target;     /* the file to be replaced; NULL: none */
    char *temporary;  /* what it is written as */
};

/* Opens path, which stays the caller's; NULL or "-": standard output. mode: of a new file, before the
 * umask. Returns false after one line on stderr. */
bool lmm_output_open(struct lmm_output *output, const char *path, mode_t mode);

/* Makes standard error the output; nothing can fail. */
void lmm_output_open_stderr(struct lmm_output *output);

/* Returns whether lmm_output_open() of path could succeed, as far as can be told without leaving a trace;
 * false after one line on stderr. For whoever writes much later. */
bool lmm_output_can_open(const char *path);

/* Writes what is left, and puts the file in its place. Returns an exit status, after one line on stderr
 * when anything failed since the file was opened. */
int lmm_output_close(struct lmm_output *output);

/* Forgets what was written, as far as a file can. */
void lmm_output_abandon(struct lmm_output *output);

/* Whether it goes to a terminal. */
bool lmm_output_is_terminal(const struct lmm_output *output);

/* A lmm_sink_write_fn; context is an int, the descriptor. */
int lmm_output_to_descriptor(void *context, const char *data, size_t bytes);

#endif
