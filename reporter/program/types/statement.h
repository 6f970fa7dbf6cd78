/* SPDX-License-Identifier: MIT */
/*
 * statement: what the source says about the type of a block: a tolerant scanner of the statement
 * of C or C++ around a line. It knows no types and no macros: it finds `sizeof` and what it is
 * applied to, casts, `new`, and templates that allocate, beside a call that allocates.
 *
 * The text is hostile: it may be any bytes of any length; the work is bounded to the lines around
 * the one asked for. Comments and strings are skipped. Stateless.
 */
#ifndef LMM_PROGRAM_STATEMENT_H
#define LMM_PROGRAM_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_STATEMENT_HINTS_MAX = 8,
    LMM_STATEMENT_TEXT_MAX = 256, /* bytes with the NUL */
};

enum lmm_statement_kind {
    LMM_STATEMENT_SIZEOF,    /* sizeof(T), and `text` may be a type or a variable */
    LMM_STATEMENT_SIZEOF_AT, /* sizeof *p, sizeof(p[0]), sizeof(*a->b): `text` is the expression after
                                sizeof: the size of what it yields */
    LMM_STATEMENT_CAST,      /* (T *) malloc(...), static_cast<T *>(...): `text` is T */
    LMM_STATEMENT_NEW,       /* new T, new T(...), new T[n]; make_unique<T>, make_shared<T>; macros
                                such as g_new(T, n), ALLOC_N(T, n) where an argument that starts like a type names it: those are
                                CAST */
    LMM_STATEMENT_DECLARED, /* T *p = malloc(...): `text` is T */
    LMM_STATEMENT_ASSIGNED, /* a->b = malloc(...): `text` is the expression that gets the result */
    LMM_STATEMENT_RETURNED, /* return malloc(...): no text */
};

struct lmm_statement_hint {
    enum lmm_statement_kind kind;
    char text[LMM_STATEMENT_TEXT_MAX]; /* blanks made one; without `const` */
    bool is_array; /* multiplied by something, or calloc's and new's number is not 1 */
    bool has_more; /* something is added to it: sizeof(T) + n */
};

/*
 * Finds the hints in the statement of a line, the strongest first (in the order of the kinds).
 * line: counted from 1, that of the debug information for the call; it may be any line of the statement.
 * allocator: the name of the function that was called, such as "malloc" or "xmalloc", so that the
 * right call in a line is looked at; NULL: unknown. A statement with two calls of it has no hints unless they agree.
 * Returns their number; 0: the source says nothing, or is not understood.
 */
size_t lmm_statement_find(const char *source, size_t bytes, uint32_t line, const char *allocator,
                          struct lmm_statement_hint ret_hints[LMM_STATEMENT_HINTS_MAX]);

#endif
