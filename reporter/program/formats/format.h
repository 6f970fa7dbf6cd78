/* SPDX-License-Identifier: MIT */
/*
 * format: the output formats by name. Adding one: its file in reporter/ or here, with one function of
 * the type below, a line in the table of format.c, and a section in docs/formats.md.
 */
#ifndef LMM_PROGRAM_FORMAT_H
#define LMM_PROGRAM_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_model;
struct lmm_sink;

/* What a renderer is told beside the model. */
struct lmm_format_options {
    bool colour;
    bool sites;       /* --sites: sites too, where the format leaves them out by itself */
    size_t top_sites; /* --top: at most so many sites; 0: as the format has it */
};

struct lmm_format {
    const char *name;
    /* Prints the whole document. Returns 0, or -errno of the first write that failed. */
    int (*render)(const struct lmm_model *model, struct lmm_sink *sink,
                  const struct lmm_format_options *options);
    const char *summary;
    bool binary; /* not to be written to a terminal */
};

/* Finds a format; NULL when there is none of that name. */
const struct lmm_format *lmm_format_find(const char *name);

/* All formats; the last has no name. */
extern const struct lmm_format lmm_formats[];

#endif
