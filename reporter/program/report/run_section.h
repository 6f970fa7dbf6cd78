/* SPDX-License-Identifier: MIT */
/*
 * run_section: what the sections of the report of `lmm run` have in common whose rows are spots: which
 * rows a section shows and in which order, a row, the stacks below it, and the line about what is left
 * out. Errors are the sink's.
 */
#ifndef LMM_PROGRAM_RUN_SECTION_H
#define LMM_PROGRAM_RUN_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/report/spots.h"

struct lmm_grid;
struct lmm_sheet;
struct lmm_sink;

enum {
    LMM_SECTION_INDENT = 7, /* blanks before stacks, and what else stands below a row */
};

struct lmm_section {
    const char *title;
    enum lmm_measure measure;
    bool first_is_bytes; /* false: the first figure is a count */
    bool second_is_bytes;
    bool is_share_of_own; /* share of the row's second figure, not of the section's total */
    bool is_short;        /* it has few rows in a brief report */
    size_t stack_lines;   /* of a stack in a brief report; 0: it has no stacks of its own */
    const char *first;    /* headings of the figures */
    const char *share;
    const char *second;
    const char *kind; /* of the blocks of a leak check; NULL: it is no section of one */
};

/* One section of one report. */
struct lmm_rows {
    const struct lmm_sheet *sheet;
    const struct lmm_section *section;
    const struct lmm_spot *spots; /* in order, as many as are shown */
    uint64_t total;
    size_t shown;
    size_t count;  /* with a figure above 0 */
    size_t ranked; /* rows of earlier sections that are counted on */
};

/* What is left out. */
struct lmm_rows_rest {
    size_t lines;
    size_t stacks;
    uint64_t amount; /* of the lines */
};

extern const struct lmm_section lmm_sections[LMM_MEASURES];

/* Orders the spots of a process by the measure of a section, and returns its rows. */
struct lmm_rows lmm_rows_order(const struct lmm_sheet *sheet, const struct lmm_section *section);

/* Adds the row of a spot, by its index, to a grid. */
void lmm_rows_add(const struct lmm_rows *rows, struct lmm_grid *grid, size_t index);

/* Puts the stacks below the row of a spot that has so many. */
void lmm_rows_put_stacks(const struct lmm_rows *rows, const struct lmm_spot *spot, size_t stacks);

/* Returns what the rows leave out; puts "  ... 3 more lines with 2.0 KiB, 8 more stacks: --full", if
 * anything is left out. option: the one that shows it. */
struct lmm_rows_rest lmm_rows_rest(const struct lmm_rows *rows);
void lmm_rows_put_rest(struct lmm_sink *sink, const struct lmm_rows_rest *rest, bool is_bytes,
                       const char *option);

#endif
