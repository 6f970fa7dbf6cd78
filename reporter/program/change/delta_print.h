/* SPDX-License-Identifier: MIT */
/* delta_print: prints a delta as text for people and as JSON for programs. docs/formats.md
 * describes the JSON document. */
#ifndef LMM_PROGRAM_DELTA_PRINT_H
#define LMM_PROGRAM_DELTA_PRINT_H

#include <stddef.h>

struct lmm_delta;
struct lmm_sink;

enum {
    LMM_DELTA_TOP = 20, /* rows of a table unless the user gives a number */
};

/*
 * Prints the families and sites that changed, most growth first, at most `top` of each (0:
 * LMM_DELTA_TOP), with a line on the number of omitted rows, and last a line that starts with
 * "SUMMARY:". Returns 0, or -errno of the first write that failed.
 */
int lmm_delta_text(const struct lmm_delta *delta, size_t top, struct lmm_sink *sink);

/* Prints one JSON document; top: as above, but 0 is all. Returns as above. */
int lmm_delta_json(const struct lmm_delta *delta, size_t top, struct lmm_sink *sink);

#endif
