/* SPDX-License-Identifier: MIT */
/*
 * suppress: the leaks that a user does not want to see: files of lines "leak:PATTERN", as
 * LeakSanitizer reads them. Blanks around a line, empty lines, and lines that start with # are
 * ignored.
 *
 * A pattern may match any part of a text; * matches any characters, ^ at the start of the pattern
 * the start of the text, and $ at its end the end of the text. The caller chooses the texts of a
 * leak (spots.c: function, source file and module of every call).
 *
 * Some suppressions are built in: for blocks that the C and C++ libraries keep until the end in
 * every program that prints, has threads or loads modules. Two of them have a scope instead of a
 * pattern: stacks whose innermost call is in the dynamic loader, which keeps data of modules and
 * threads (blocks that a module's constructors allocate belong to the module); and stacks that lead
 * from the loader through these libraries alone, before the program starts.
 *
 * Invariants (checked by tests/unit/reporter/test_suppress.c):
 *   I1  items are in the order of the files and their lines, and the built-in ones come last; the
 *       first one that matches counts the leak
 *   I2  glob matches whole texts, and only * is special in it; it matches the same texts as the
 *       pattern, and has no two stars in a row
 */
#ifndef LMM_PROGRAM_SUPPRESS_H
#define LMM_PROGRAM_SUPPRESS_H

#include <stdbool.h>

#include "reporter/core/model.h"

enum lmm_suppression_scope {
    LMM_SUPPRESS_TEXTS,   /* texts that match the pattern */
    LMM_SUPPRESS_LOADER,  /* stacks whose innermost call is in the dynamic loader */
    LMM_SUPPRESS_RUNTIME, /* stacks from the loader through the runtime alone */
};

struct lmm_suppression {
    enum lmm_suppression_scope scope;
    char *pattern; /* as the user wrote it, without needless stars; of built-in ones, their name */
    char *glob;    /* NULL for other scopes */
    bool is_built_in;
    /* The callers count: */
    uint64_t blocks; /* these two: the live blocks that matched */
    uint64_t bytes;
    struct lmm_model_amount checked; /* blocks of the last leak check, and what hung on them */
};

/* All zero: empty. */
struct lmm_suppressions {
    struct lmm_suppression *items;
    size_t count;
};

/* Adds a pattern, a copy of it; returns false when memory ran out. */
bool lmm_suppressions_add(struct lmm_suppressions *suppressions, const char *pattern);

/* Adds the lines of the file at path. Returns false after one line on stderr, with the line number
 * if a line is wrong. */
bool lmm_suppressions_read(struct lmm_suppressions *suppressions, const char *path);

/* Adds the built-in ones; returns false when memory ran out. */
bool lmm_suppressions_add_built_in(struct lmm_suppressions *suppressions);

/* Returns whether path is a library of the C or C++ runtime. */
bool lmm_suppression_is_runtime(struct lmm_string path);

/* Returns whether path is the dynamic loader. */
bool lmm_suppression_is_loader(struct lmm_string path);

/* Returns whether the pattern matches text; an empty text never matches. Cost: at worst the product
 * of their lengths. */
bool lmm_suppression_fits(const struct lmm_suppression *suppression, struct lmm_string text);

void lmm_suppressions_free(struct lmm_suppressions *suppressions);

#endif
