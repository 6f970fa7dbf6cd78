/* SPDX-License-Identifier: MIT */
/* sources: the texts of source files, each read once, with the places of some lines, so that a line of a long file
 * is found without a walk over all lines before it. */
#ifndef LMM_PROGRAM_SOURCES_H
#define LMM_PROGRAM_SOURCES_H

#include <stdint.h>

#include "reporter/core/utf8.h"

struct lmm_sources;

/* Returns an empty table, to be freed with lmm_sources_free(); NULL: out of memory. */
struct lmm_sources *lmm_sources_new(void);

void lmm_sources_free(struct lmm_sources *sources);

enum {
    LMM_SOURCE_LINES_BEFORE = 64, /* that a reader of a line may look at */
};

/*
 * Returns the text of the source file at a path, which lives as long as sources, from the start of a line on
 * that is at least LMM_SOURCE_LINES_BEFORE lines before *line, or is the first one; and makes *line its number
 * in that part. A line that the text does not have stays one. Cost, once the file is read: independent of *line.
 * The text is NULL when it is not a regular file with an absolute path, is larger than 8 MiB, cannot be read, or
 * was changed after `built_ns` (CLOCK_REALTIME), so that lines may be others than those that were compiled.
 */
struct lmm_string lmm_sources_read(struct lmm_sources *sources, const char *path, int64_t built_ns,
                                   uint32_t *line);

#endif
