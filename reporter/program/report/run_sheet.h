/* SPDX-License-Identifier: MIT */
/*
 * run_sheet: the common part of the sections of the text report of `lmm run`: the process of the
 * report, and figures in the format of `lmm report`. The sections themselves are declared here,
 * too; each is one file.
 *
 * Errors are the sink's.
 */
#ifndef LMM_PROGRAM_RUN_SHEET_H
#define LMM_PROGRAM_RUN_SHEET_H

#include "reporter/program/report/spots.h"

struct lmm_model;
struct lmm_run_report;
struct lmm_run_report_process;
struct lmm_shown_stacks;
struct lmm_sink;

enum {
    LMM_SHEET_INDENT = 2, /* blanks before rows */
};

struct lmm_sheet {
    const struct lmm_run_report *run;
    const struct lmm_run_report_process *process;
    const struct lmm_model *model; /* of the process */
    struct lmm_sink *sink;
    struct lmm_shown_stacks *stacks; /* that were printed so far */
};

/* Puts a terminal escape, when the report has colour. */
void lmm_sheet_paint(const struct lmm_sheet *sheet, const char *escape);

/* Puts an empty line and the title of a section. */
void lmm_sheet_heading(const struct lmm_sheet *sheet, const char *text);

/* Starts a line of "  label   words". */
void lmm_sheet_label(const struct lmm_sheet *sheet, const char *label);

/* Puts "3.250 s". */
void lmm_sheet_seconds(const struct lmm_sheet *sheet, uint64_t ns);

/* Returns whether the process exited normally, so that its live blocks are leaks. */
bool lmm_sheet_has_ended_well(const struct lmm_sheet *sheet);

/* Returns whether the process went on without its ledger, so that the figures are older than its end. */
bool lmm_sheet_is_lost(const struct lmm_sheet *sheet);

/* Put the head (command, end, notes) and the totals of the process (run_head.c). */
void lmm_sheet_head(const struct lmm_sheet *sheet);
void lmm_sheet_totals(const struct lmm_sheet *sheet);

/* Puts the section of a measure, unless it has no rows (run_rows.c). */
void lmm_sheet_rows(const struct lmm_sheet *sheet, enum lmm_measure measure);

#endif
