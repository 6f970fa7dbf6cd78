/* SPDX-License-Identifier: MIT */
/* diet_print: a diet for people, as JSON (docs/diet.schema.json), and as CSV (docs/formats.md). */
#ifndef LMM_PROGRAM_DIET_PRINT_H
#define LMM_PROGRAM_DIET_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/report/shown_names.h"
#include "reporter/program/types/type_name.h"

struct lmm_diet;
struct lmm_diet_type;
struct lmm_field;
struct lmm_field_census;
struct lmm_json;
struct lmm_sink;

enum {
    LMM_DIET_SCHEMA_VERSION = 1,
    LMM_DIET_FIELD_BYTES = 2 * LMM_TYPE_NAME_MAX,
};

struct lmm_diet_look {
    struct lmm_look look;
    size_t rows;      /* at most; SIZE_MAX: all */
    bool has_structs; /* the structs with a better order are printed, too */
    bool colour;
    bool terminal;                         /* the output goes to one */
    const struct lmm_field_census *fields; /* NULL: nobody asked for it, or it was not possible */
    const char *fields_gap;   /* why not all was read; empty, or NULL: there is no reason */
    const char *const *notes; /* lines at the end */
    size_t note_count;
};

/* Puts the text, whose last line starts with "SUMMARY:". */
void lmm_diet_put_text(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                       struct lmm_sink *sink);

/* Puts a type's fields with their places and holes, and the better order if there is one. */
void lmm_diet_put_struct(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                         const struct lmm_look *look, struct lmm_sink *sink);

/* Writes a field as C declares it: "char name[16]", "void (*call)()". */
void lmm_diet_write_field(const struct lmm_field *field, char text[LMM_DIET_FIELD_BYTES]);

/* Puts the table of look->fields, and what all its changes of a type save together. */
void lmm_census_put_text(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                         struct lmm_sink *sink);

/* Adds the array "census" of the types that were asked for. */
void lmm_json_census(struct lmm_json *json, const struct lmm_field_census *census);

/* Put the JSON document, or a line for each hint after one with headings. Return 0, or -errno of the first
 * write that failed. */
int lmm_diet_put_json(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                      struct lmm_sink *sink);
int lmm_diet_put_csv(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                     struct lmm_sink *sink);

#endif
