/* SPDX-License-Identifier: MIT */
/* delta_print: prints a delta as text for people and as JSON for programs. docs/formats.md
 * describes the JSON document. */
#ifndef LMM_PROGRAM_DELTA_PRINT_H
#define LMM_PROGRAM_DELTA_PRINT_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_delta;
struct lmm_sink;

enum {
    LMM_DELTA_TOP = 20, /* rows of a table unless the user gives a number */
    LMM_DELTA_BRIEF_FAMILIES = 5,
};

/* What is printed of a delta; all zero: the usual. */
struct lmm_delta_look {
    size_t top;          /* rows of a table; 0: LMM_DELTA_TOP in text, all in JSON */
    size_t stacks;       /* most stacks of a row of sites; 0: none */
    bool all;            /* rows that did not change, too */
    bool brief_families; /* in text: families after the rows, at most LMM_DELTA_BRIEF_FAMILIES */
};

/*
 * Prints the families and sites that changed, most growth first, with a line on the number of
 * omitted rows, and last a line that starts with "SUMMARY:". Returns 0, or -errno of the first
 * write that failed.
 */
int lmm_delta_text(const struct lmm_delta *delta, const struct lmm_delta_look *look,
                   struct lmm_sink *sink);

/* Prints one JSON document. Returns as above. */
int lmm_delta_json(const struct lmm_delta *delta, const struct lmm_delta_look *look,
                   struct lmm_sink *sink);

#endif
