/* SPDX-License-Identifier: MIT */
/*
 * suppress: which leaks a user does not want to see: files of lines "leak:PATTERN", as LeakSanitizer
 * reads them. Blanks around a line, empty lines, and lines that start with # mean nothing.
 *
 * A pattern is found anywhere in a text; * stands for any characters, a ^ at its start and a $ at its
 * end for the text's own start and end. Which texts of a leak it is held against is the caller's matter
 * (places.h: function, source file and module of every call).
 *
 * Some are built in: what the C and C++ libraries keep for themselves till the end, in every program that
 * prints, has threads or loads modules, and is no leak of the program's. Two of them have no pattern, but a
 * scope: stacks whose innermost call is the dynamic loader's, which keeps what it knows of modules and
 * threads (what a module's own constructors allocate is allocated by the module), and stacks that lead
 * from the loader through these libraries alone, before the program starts.
 *
 * Invariants:
 *   I1  the order is that of the files and their lines, and then those built in; the first that fits
 *       counts
 *   I2  glob says the same as a user's pattern with * as its only sign, and fits whole texts
 *
 * Locks: none.
 */
#ifndef LMM_PROGRAM_SUPPRESS_H
#define LMM_PROGRAM_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

enum lmm_suppression_scope {
    LMM_SUPPRESS_TEXTS,   /* that the pattern fits */
    LMM_SUPPRESS_LOADER,  /* stacks whose innermost call is the dynamic loader's */
    LMM_SUPPRESS_RUNTIME, /* stacks of the runtime alone, from the loader on */
};

struct lmm_suppression {
    enum lmm_suppression_scope scope;
    char *pattern; /* as the user wrote it; of those built in, what reports call them */
    char *glob;    /* NULL for other scopes */
    bool is_built_in;
    uint64_t blocks; /* these two are for whoever uses the pattern to count in */
    uint64_t bytes;
};

/* All zero: none. */
struct lmm_suppressions {
    struct lmm_suppression *items;
    size_t count;
};

/* Adds a pattern, a copy of it; returns false when memory ran out. */
bool lmm_suppressions_add(struct lmm_suppressions *suppressions, const char *pattern);

/* Adds the lines of the file at path. Returns false after one line on stderr, with the number of the
 * line where that is to blame. */
bool lmm_suppressions_read(struct lmm_suppressions *suppressions, const char *path);

/* Adds those that are built in; returns false when memory ran out. */
bool lmm_suppressions_add_built_in(struct lmm_suppressions *suppressions);

/* Returns whether path is that of a library of the C or C++ runtime. */
bool lmm_suppression_is_runtime(struct lmm_string path);

/* Returns whether path is that of the dynamic loader. */
bool lmm_suppression_is_loader(struct lmm_string path);

/* Returns whether the pattern fits text; an empty one fits nothing. Cost: the product of their lengths
 * at worst. */
bool lmm_suppression_fits(const struct lmm_suppression *suppression, struct lmm_string text);

void lmm_suppressions_free(struct lmm_suppressions *suppressions);

#endif
