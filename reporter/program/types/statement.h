/* SPDX-License-Identifier: MIT */
/*
 * statement: what the source says about the type of a block: a tolerant scanner of the statement
 * of C or C++ around a line. It knows no types and no macros: it finds `sizeof` and what it is
 * applied to, casts, `new`, and templates that allocate, beside a call that allocates.
 *
 * The text is hostile: it may be any bytes of any length; the work is bounded to the lines around
 * the one asked for, after a count of lines. Comments, strings and preprocessor lines are skipped:
 * a call in a macro's own text is not found. Stateless.
 */
#ifndef LMM_PROGRAM_STATEMENT_H
#define LMM_PROGRAM_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_STATEMENT_HINTS_MAX = 8,
    LMM_STATEMENT_TEXT_MAX = 256, /* bytes with the NUL; a hint with a longer text is left out */
};

enum lmm_statement_kind {
    LMM_STATEMENT_SIZEOF,    /* sizeof(T), sizeof x: `text` may be a type or a variable */
    LMM_STATEMENT_SIZEOF_AT, /* sizeof *p, sizeof(p[0]), sizeof(a->b): `text` is the expression after
                                sizeof: the size of what it yields */
    LMM_STATEMENT_CAST,      /* (T *) malloc(...), static_cast<T *>(...): `text` is T. Also macros
                                such as g_new(T, n), NEW(struct foo): the argument that is written
                                as a type; it may still be the name of something else */
    LMM_STATEMENT_NEW,       /* new T, new T(...), new T[n]; make_unique<T>, make_shared<T>, and
                                other templates with the allocator's name */
    LMM_STATEMENT_DECLARED,  /* T *p = malloc(...): `text` is T */
    LMM_STATEMENT_ASSIGNED,  /* a->b = malloc(...): `text` is the expression that gets the result;
                                also the variable of `auto p =` and `T p =` */
    LMM_STATEMENT_RETURNED,  /* return malloc(...): no text */
};

struct lmm_statement_hint {
    enum lmm_statement_kind kind;
    /* A type has one blank between words and before its stars, and neither `const` and its like nor
     * `class`: "unsigned char", "struct node *", "std::pair<int, T>". An expression has no blanks:
     * "*p", "a->b[i]". `void` is no hint. */
    char text[LMM_STATEMENT_TEXT_MAX];
    bool is_array; /* multiplied by something, or calloc's and new's number is not 1 */
    bool
        has_more; /* something is added to it: sizeof(T) + n; make_shared<T>, which adds its counts;
                      a function makes the size of it: round_up(sizeof(T)) */
    bool is_choice; /* SIZEOF and SIZEOF_AT: it depends on a condition which of several it is */
};

/*
 * Finds the hints in the statement of a line, the strongest first (in the order of the kinds).
 * line: counted from 1, that of the debug information for the call; it may be any line of the statement.
 * allocator: the name of the function that was called, such as "malloc", "xmalloc", "operator new[](unsigned long)",
 * "pool::make<node>(int)", so that the right call in a line is looked at; only its last name counts.
 * NULL: unknown.
 * output: the number, from 1 on, of the argument that points at where the function stores the block; 0: it
 * returns the block. The place there is that of a hint ASSIGNED.
 * When the statement has no such call, one that a macro may have made is looked at: its
 * name contains "alloc", "new" or "dup", or an argument must be a type.
 * A statement with two calls of it has no hints unless the strongest agree; then those that all have.
 * Of `sizeof(T) + n * sizeof(U)` only T is a hint; of sizeofs in several arguments none is.
 * Without a sizeof, those count that variables in the arguments are made of (source_variables.h).
 * Returns their number; 0: the source says nothing, or is not understood.
 */
size_t lmm_statement_find(const char *source, size_t bytes, uint32_t line, const char *allocator,
                          uint32_t output,
                          struct lmm_statement_hint ret_hints[LMM_STATEMENT_HINTS_MAX]);

#endif
