/* SPDX-License-Identifier: MIT */
/*
 * map_line: one line of /proc/PID/maps, taken apart.
 *
 * Stateless; any thread, async-signal-safe. Not responsible for: reading the file, and what a mapping
 * is good for (module_table, lib/leaks/ranges).
 */
#ifndef LMM_MAP_LINE_H
#define LMM_MAP_LINE_H

#include "lib/ground/base.h"

struct lmm_map_line {
    uintptr_t from;
    uintptr_t to;     /* past the last byte */
    char access[4];   /* as written: r, w, x or -, and p (private) or s (shared) */
    uint64_t offset;  /* of `from` in the file */
    uint64_t device;  /* major << 32 | minor */
    uint64_t inode;   /* 0: of no file */
    const char *name; /* in the line, not ended by NUL; the kernel writes a line end as \012 */
    size_t name_length;
};

/* Takes the line [at, end) apart, without its line end. Fields after the access that are missing or
 * damaged are 0. False and nothing: it is no line of a mapping. */
bool lmm_map_line_parse(const char *at, const char *end, struct lmm_map_line *ret_line);

#endif
