/* SPDX-License-Identifier: MIT */
/*
 * suppress_file: reads files of suppressions, in the syntax of LeakSanitizer, of Valgrind, or both:
 *
 *   # a comment; blanks around a line and empty lines mean nothing
 *   leak:PATTERN
 *   type:PATTERN
 *   site:FILE:LINE
 *   {
 *      a name
 *      Memcheck:Leak
 *      match-leak-kinds: definite,possible
 *      fun:PATTERN
 *      obj:PATTERN
 *      src:FILE:LINE
 *      ...
 *   }
 *
 * Valgrind's for other errors than leaks are skipped. In its patterns * matches any characters and ?
 * one; a pattern matches a whole name.
 */
#ifndef LMM_PROGRAM_SUPPRESS_FILE_H
#define LMM_PROGRAM_SUPPRESS_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_suppressions;

/* Adds the suppressions of the file at path. Returns false after one line on stderr, with the line
 * number if a line is wrong. */
bool lmm_suppressions_read(struct lmm_suppressions *suppressions, const char *path);

/* Adds those of a text, `bytes` long, as of a file that is called `name` in messages and reports. */
bool lmm_suppressions_read_text(struct lmm_suppressions *suppressions, const char *name,
                                const char *text, size_t bytes);

#endif
