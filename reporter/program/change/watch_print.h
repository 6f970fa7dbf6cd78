/* SPDX-License-Identifier: MIT */
/*
 * watch_print: what `lmm watch` prints: a line for each interval, and at the end the rows that grew
 * steadily (growth.h); as text, or as JSON objects, one a line (docs/watch.schema.json). It prints
 * to stdout; a write that fails sets the error indicator of stdout.
 */
#ifndef LMM_PROGRAM_WATCH_PRINT_H
#define LMM_PROGRAM_WATCH_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"

struct lmm_delta;
struct lmm_growing;

struct lmm_watch_print {
    bool is_json;
    bool names_rows; /* a line names the row of sites that grew most, not the family */
    struct lmm_sink sink;
    struct lmm_grid lines;
};

/* What is known at the end. */
struct lmm_watch_end {
    const char *reason;            /* why it ended early; NULL: it did not */
    const struct lmm_model *model; /* of the last reading */
    uint64_t first_bytes;          /* live, at the first reading */
    uint64_t passed_ns;            /* from the first reading to the last */
    size_t readings;
    size_t moments;                 /* of lmm_growth_moments() */
    struct lmm_model_word row_word; /* what a row is */
    bool has_ids;                   /* rows are lines, which --site names by their ids */
    const char *note;               /* of the text, on names; NULL: none */
    const struct lmm_growing *growing;
    size_t count; /* of growing */
    size_t top;   /* how many are shown at most */
};

/* Prints the headings. The caller has set the first two fields. */
void lmm_watch_print_start(struct lmm_watch_print *print);

/* Prints the changes of the last passed_ns; time_ns: since the first reading. */
void lmm_watch_print_line(struct lmm_watch_print *print, const struct lmm_delta *delta,
                          uint64_t time_ns, uint64_t passed_ns);

/* Prints the end. Returns false when memory ran out. */
bool lmm_watch_print_end(struct lmm_watch_print *print, const struct lmm_watch_end *end);

#endif
