/* SPDX-License-Identifier: MIT */
/*
 * suppress: the leaks that a user does not want to see. A suppression is one of these:
 *
 *   leak:PATTERN        as LeakSanitizer has it: fits any part of a text of any call of a stack:
 *                       function, source file, module
 *   type:PATTERN        fits any part of the name of what was allocated: a family, or its type, or
 *                       the likely or certain type of the blocks by debug information; of an
 *                       array also of its element, and without "struct " and the like, so that ^
 *                       and $ fit these, too
 *   site:FILE:LINE      the line that a row of a report names; the last components of the path do
 *   Valgrind's          the innermost calls of a stack, one pattern for each (suppress_frames.h)
 *
 * In a pattern * matches any characters, ^ at its start the start of the text, and $ at its end the
 * end of the text. suppress_file.h reads files of these.
 *
 * Some suppressions are built in: for blocks that the C and C++ libraries keep until the end in
 * every program that prints, has threads or loads modules. Of the blocks of a leak check they take
 * only those that are lost: what is reachable stays so. Two of them have a scope instead of a
 * pattern: stacks whose innermost call is in the dynamic loader, which keeps data of modules and
 * threads (blocks that a module's constructors allocate belong to the module); and stacks that lead
 * from the loader through these libraries alone, before the program starts.
 *
 * Invariants (checked by tests/unit/reporter/test_suppress.c):
 *   I1  items are in the order of the files and their lines, and the built-in ones come last; the
 *       first one that matches counts the leak
 *   I2  glob matches whole texts; it matches the same texts as the pattern, and has no two stars in
 *       a row
 */
#ifndef LMM_PROGRAM_SUPPRESS_H
#define LMM_PROGRAM_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/model.h"

enum lmm_suppression_scope {
    LMM_SUPPRESS_TEXTS, /* texts that match the pattern */
    LMM_SUPPRESS_TYPE,  /* these two have a glob, too */
    LMM_SUPPRESS_SITE,
    LMM_SUPPRESS_FRAMES,  /* Valgrind's */
    LMM_SUPPRESS_LOADER,  /* stacks whose innermost call is in the dynamic loader */
    LMM_SUPPRESS_RUNTIME, /* stacks from the loader through the runtime alone */
};

/* A line of one of Valgrind's. */
struct lmm_suppression_frame {
    enum { LMM_FRAME_FUNCTION, LMM_FRAME_OBJECT, LMM_FRAME_SOURCE, LMM_FRAME_ANY } kind;
    char *glob;    /* ANY, "...": NULL; it is any number of calls */
    uint32_t line; /* SOURCE: 0: any */
};

struct lmm_suppression {
    enum lmm_suppression_scope scope;
    char *pattern; /* as the user wrote it, without needless stars; of Valgrind's their name, and of
                      built-in ones, too */
    char *glob;    /* NULL for scopes without one */
    struct lmm_suppression_frame *frames; /* FRAMES: the innermost first */
    size_t frame_count;
    unsigned classes; /* bits 1 << enum lmm_model_class: what it may match; 0: all */
    const char *path; /* of its file, and the number of its line there; NULL: of none */
    size_t line;
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
    char **paths; /* of the files that were read */
    size_t path_count;
};

/* Adds a suppression "leak:PATTERN" of this pattern, a copy of it; or one of another scope that has
 * a glob. Returns false when memory ran out. */
bool lmm_suppressions_add(struct lmm_suppressions *suppressions, const char *pattern);
bool lmm_suppressions_add_scoped(struct lmm_suppressions *suppressions,
                                 enum lmm_suppression_scope scope, const char *pattern);

/* Adds the built-in ones; returns false when memory ran out. */
bool lmm_suppressions_add_built_in(struct lmm_suppressions *suppressions);

/* Returns the glob for a pattern that may match any part of a text, to be freed; NULL: out of
 * memory. Replaces each row of stars in a text with one, which means the same. */
char *lmm_suppression_glob(const char *pattern);
void lmm_suppression_join_stars(char *text);

/* Returns what stands before its pattern: "leak:". */
const char *lmm_suppression_prefix(const struct lmm_suppression *suppression);

/* Returns "leak", "type", "site", "valgrind" or "built-in". */
const char *lmm_suppression_kind(const struct lmm_suppression *suppression);

/* Returns whether it matched anything. */
bool lmm_suppression_is_used(const struct lmm_suppression *suppression);

/* Returns whether path is a library of the C or C++ runtime. */
bool lmm_suppression_is_runtime(struct lmm_string path);

/* Returns whether path is the dynamic loader. */
bool lmm_suppression_is_loader(struct lmm_string path);

/* Returns whether the glob matches text; an empty text never matches. Cost: at worst the product
 * of their lengths. */
bool lmm_suppression_fits(const struct lmm_suppression *suppression, struct lmm_string text);

void lmm_suppressions_free(struct lmm_suppressions *suppressions);

#endif
