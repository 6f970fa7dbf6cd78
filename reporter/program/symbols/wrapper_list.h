/* SPDX-License-Identifier: MIT */
/*
 * wrapper_list: the wrappers that the user names: by --wrapper PATTERN, and by lines
 * "wrapper:PATTERN" of the files .lmmrc in the working directory and
 * $XDG_CONFIG_HOME/lmm/lmmrc (else ~/.config/lmm/lmmrc).
 *
 * A pattern names functions, source files or modules. A star in it stands for any characters. It
 * matches all of a function's name: with its parameters, without them, or its last component; or all of a path, or
 * its last components.
 *
 * The list belongs to the program: every command has the same.
 */
#ifndef LMM_PROGRAM_WRAPPER_LIST_H
#define LMM_PROGRAM_WRAPPER_LIST_H

#include <argp.h>
#include <stdbool.h>

#include "reporter/core/utf8.h"

/* The option --wrapper, for `children` of a subcommand's own parser. It has no input. */
extern const struct argp lmm_wrapper_argp;

/* Adds a pattern, a copy of it; returns false when memory ran out. */
bool lmm_wrapper_list_add(const char *pattern);

/* Adds the patterns of the two files, at the first call only. A line that is wrong is reported on
 * stderr, and ignored; so is a file that cannot be read. A missing file is not an error. */
void lmm_wrapper_list_read(void);

/* Returns whether a pattern matches a function, by its readable name. */
bool lmm_wrapper_list_has_function(struct lmm_string name);

/* Returns whether a pattern matches the path of a source file or a module. */
bool lmm_wrapper_list_has_path(struct lmm_string path);

/* Forgets all patterns; for tests. */
void lmm_wrapper_list_clear(void);

#endif
