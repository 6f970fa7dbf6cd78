/* SPDX-License-Identifier: MIT */
/*
 * output: where a subcommand's result goes: standard output, or the file of -o.
 *
 * A file is written under a temporary name in the same directory and renamed when it is complete,
 * so a reader never sees a part of it and a failure leaves the old one. It keeps the mode and owner
 * of the file that it replaces; where this user may not give a file to that owner, the old file is
 * overwritten at the end. If the path names anything but a regular file (a terminal, a FIFO,
 * /dev/null, /dev/stdout), the output goes directly there. Links are followed as target.h says.
 *
 * Output that nobody reads any more (a closed pipe) is no failure: `| head` is usual.
 */
#ifndef LMM_PROGRAM_OUTPUT_H
#define LMM_PROGRAM_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "reporter/core/sink.h"

struct lmm_output {
    struct lmm_sink sink;
    int descriptor;
    const char *path; /* the argument of -o; NULL: standard output or standard error */
    char *target;     /* the regular file to replace; NULL: none */
    char *temporary;  /* the name under which it is written */
    bool overwrites;  /* its owner cannot be kept by a new file */
};

/* Opens path, which stays the caller's; NULL: standard output, and for one release "-", with a
 * note. mode: of a new file, before the umask. Returns false after a message on stderr. */
bool lmm_output_open(struct lmm_output *output, const char *path, mode_t mode);

/* Makes standard error the output; this cannot fail. */
void lmm_output_open_stderr(struct lmm_output *output);

/* Returns whether lmm_output_open() of path is likely to succeed, without changing any file; false
 * after a message on stderr. For callers that write much later. */
bool lmm_output_can_open(const char *path);

/* Puts so many zeros; in a file that is replaced, as a hole, which takes no space. */
void lmm_output_skip(struct lmm_output *output, size_t bytes);

/* Writes the rest and replaces the file. Returns an exit status, after a message on stderr if
 * anything failed since the file was opened. */
int lmm_output_close(struct lmm_output *output);

/* Closes the output without replacing the file. */
void lmm_output_abandon(struct lmm_output *output);

/* Whether the output goes to a terminal. */
bool lmm_output_is_terminal(const struct lmm_output *output);

/* Whether the output may have colours: a terminal that has them, and NO_COLOR is not set. */
bool lmm_output_has_colour(const struct lmm_output *output);

/* A lmm_sink_write_fn; context is an int, the descriptor. */
int lmm_output_to_descriptor(void *context, const char *data, size_t bytes);

#endif
