/* SPDX-License-Identifier: MIT */
/*
 * run_page: what the parts of the text report of `lmm run` share: the process that they are about, and
 * words in the look of `lmm report`. The parts are here too, each in its file.
 *
 * Locks: none. Errors are the sink's.
 */
#ifndef LMM_PROGRAM_RUN_PAGE_H
#define LMM_PROGRAM_RUN_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/report/spots.h"

struct lmm_model;
struct lmm_run;
struct lmm_run_process;
struct lmm_run_stacks;
struct lmm_sink;

enum {
    LMM_PAGE_INDENT = 2, /* of rows */
};

struct lmm_page {
    const struct lmm_run *run;
    const struct lmm_run_process *process;
    const struct lmm_model *model; /* of the process */
    struct lmm_sink *sink;
    struct lmm_run_stacks *stacks; /* printed so far */
};

/* Puts a terminal escape, when the report has colour. */
void lmm_page_paint(const struct lmm_page *page, const char *escape);

/* Puts an empty line and the title of a section. */
void lmm_page_heading(const struct lmm_page *page, const char *text);

/* Starts a line of "  label   words". */
void lmm_page_label(const struct lmm_page *page, const char *label);

/* Put "1.2 MiB (1,258,291)", "1,024 blocks", and "3.250 s". */
void lmm_page_bytes(const struct lmm_page *page, uint64_t bytes);
void lmm_page_count(const struct lmm_page *page, uint64_t count, const char *one, const char *many);
void lmm_page_seconds(const struct lmm_page *page, uint64_t ns);

/* Whether what lives in the books was left behind, and not only live when something happened. */
bool lmm_page_has_ended_well(const struct lmm_page *page);

/* Put who the process is and how it ended (run_head.c), and its totals. */
void lmm_page_head(const struct lmm_page *page);
void lmm_page_totals(const struct lmm_page *page);

/* Puts the section of a measure, if there is anything of it (run_rows.c). */
void lmm_page_rows(const struct lmm_page *page, enum lmm_measure measure);

#endif
