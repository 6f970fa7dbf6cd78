/* SPDX-License-Identifier: MIT */
/* diet_print: a diet for people, as JSON (docs/diet.schema.json), and as CSV (docs/formats.md). */
#ifndef LMM_PROGRAM_DIET_PRINT_H
#define LMM_PROGRAM_DIET_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/report/shown_names.h"

struct lmm_diet;
struct lmm_diet_type;
struct lmm_sink;

enum { LMM_DIET_SCHEMA_VERSION = 1 };

struct lmm_diet_look {
    struct lmm_look look;
    size_t rows;      /* at most; SIZE_MAX: all */
    bool has_structs; /* the structs with a better order are printed, too */
    bool colour;
    bool terminal;            /* the output goes to one */
    const char *const *notes; /* lines at the end */
    size_t note_count;
};

/* Puts the text, whose last line starts with "SUMMARY:". */
void lmm_diet_put_text(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                       struct lmm_sink *sink);

/* Puts a type's fields with their places and holes, and the better order if there is one. */
void lmm_diet_put_struct(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                         const struct lmm_look *look, struct lmm_sink *sink);

/* Put the JSON document, or a line for each hint after one with headings. Return 0, or -errno of the first
 * write that failed. */
int lmm_diet_put_json(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                      struct lmm_sink *sink);
int lmm_diet_put_csv(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                     struct lmm_sink *sink);

#endif
