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

struct lmm_grid;
struct lmm_model;
struct lmm_run_report;
struct lmm_run_report_process;
struct lmm_shown_stacks;
struct lmm_sink;
struct lmm_type_rows;

enum {
    LMM_SHEET_INDENT = 2, /* blanks before rows */
    LMM_SHEET_FIRST = 15, /* columns of the first cell of a row, so that figures are aligned */
};

struct lmm_sheet {
    const struct lmm_run_report *run;
    const struct lmm_run_report_process *process;
    const struct lmm_model *model; /* of the process */
    struct lmm_sink *sink;
    struct lmm_shown_stacks *stacks;   /* that were printed so far */
    const struct lmm_type_rows *types; /* of the process; NULL, or without rows: none is known */
};

/* Puts a terminal escape, when the report has colour. */
void lmm_sheet_paint(const struct lmm_sheet *sheet, const char *escape);

/* Starts a line of "  label   words". */
void lmm_sheet_label(const struct lmm_sheet *sheet, const char *label);

/* Puts "3.250 s", or "62.1 s". */
void lmm_sheet_seconds(const struct lmm_sheet *sheet, uint64_t ns);

/* Puts an empty line, and the headings of a table under its title, which is as long as the indent
 * at least. */
void lmm_sheet_headings(const struct lmm_sheet *sheet, struct lmm_grid *grid, const char *title);

/* Adds a number of bytes to a table: exact, too, where names are whole. */
void lmm_sheet_bytes(const struct lmm_sheet *sheet, struct lmm_grid *grid, uint64_t bytes);

/* Returns whether the process went on without its ledger, so that the figures are older than its
 * end. */
bool lmm_sheet_is_lost(const struct lmm_sheet *sheet);

/* Put "hr (pid 4242)", and of a child its parent; and "ended with status 0 after 62.1 s"
 * (run_ending.c). */
void lmm_sheet_process(const struct lmm_sheet *sheet);
void lmm_sheet_ending(const struct lmm_sheet *sheet);

/* Whether a known signal killed the process; or one of which the number is unknown, because the process
 * told of no other end. */
bool lmm_sheet_is_killed(const struct lmm_sheet *sheet);
bool lmm_sheet_is_killed_unseen(const struct lmm_sheet *sheet);

/* Whether lmm run started the process and waited for its end, so that run->ending is its own. */
bool lmm_sheet_has_ending(const struct lmm_sheet *sheet);

/* Returns how long the process wrote its ledger; 0: unknown. */
uint64_t lmm_sheet_run_ns(const struct lmm_sheet *sheet);

/*
 * Put what the check for leaks says of the process (run_check.c): "failed, 3 lines lose memory";
 * its table of classes; ": 77 bytes lost, all else still reachable"; " (not classified: killed by
 * SIGTERM)", if it is not; and a line for each thing that the check could not see.
 */
void lmm_sheet_verdict(const struct lmm_sheet *sheet);
void lmm_sheet_classes(const struct lmm_sheet *sheet);
void lmm_sheet_outcome(const struct lmm_sheet *sheet);
void lmm_sheet_not_classified(const struct lmm_sheet *sheet);
void lmm_sheet_check_notes(const struct lmm_sheet *sheet);

struct lmm_suppression;

/* Puts "known.txt:3 leak:libfoo", and returns its columns. sink: NULL to measure only. Puts the
 * section of suppressions, unless none matched and none is unused (run_suppressed.c). */
size_t lmm_sheet_suppression(const struct lmm_sheet *sheet, const struct lmm_suppression *item,
                             struct lmm_sink *sink);
void lmm_sheet_suppressions(const struct lmm_sheet *sheet);

/* Puts the last line of the process, exact figures (run_check.c). */
void lmm_sheet_summary(const struct lmm_sheet *sheet);

/* Puts the lines before the sections: how the process ended, and notes; its totals; or the result
 * of the check for leaks (run_head.c). */
void lmm_sheet_head(const struct lmm_sheet *sheet);

/* Puts which blocks were freed in another way than they were allocated (run_mismatches.c). */
void lmm_sheet_mismatches(const struct lmm_sheet *sheet);

/* Puts what LMM did not see (run_unseen.c). */
void lmm_sheet_unseen(const struct lmm_sheet *sheet);

/* Puts "; not checked: 3 processes", if there are any: those that LMM did not see, and so many more
 * (run_unseen.c). */
void lmm_sheet_unchecked(const struct lmm_sheet *sheet, uint64_t more);

/* Puts which processes were checked for leaks, after an empty line, without the end of the line
 * (run_check.c). */
void lmm_sheet_checked(const struct lmm_sheet *sheet);

struct lmm_all_lines;

/* Put the summary of all processes, before their parts, and its last line (run_all.c). */
void lmm_sheet_all(const struct lmm_sheet *sheet, struct lmm_all_lines *lines);
void lmm_sheet_all_end(const struct lmm_sheet *sheet, const struct lmm_all_lines *lines);

/* Returns whether the report has types: a brief one if a tenth of the bytes at the peak have one. Then a
 * brief report has fewer rows of lines at the peak, no sizes, and no files that lack lines: the section
 * of types names those. Puts the section of types, if it has any (run_types.c). */
bool lmm_sheet_has_types(const struct lmm_sheet *sheet);
void lmm_sheet_types(const struct lmm_sheet *sheet);

/* Puts the section of a measure, unless it has no rows (run_rows.c). */
void lmm_sheet_rows(const struct lmm_sheet *sheet, enum lmm_measure measure);

/* Puts the lines that lost memory, and of those classes that the user asked for, unless there are
 * none. In a check for leaks each class has a table (run_rows.c). */
void lmm_sheet_losses(const struct lmm_sheet *sheet);

/* Puts a suppression of the blocks of a class of a site: lines of a file of suppressions
 * (run_generated.c). */
void lmm_sheet_generated(const struct lmm_sheet *sheet, const struct lmm_model_site *site,
                         enum lmm_model_class kind);

/* Puts the hints of the process, if it has any (run_hints.c). */
void lmm_sheet_hints(const struct lmm_sheet *sheet);

/* Puts the section of sizes, unless it has no rows (run_sizes.c). */
void lmm_sheet_sizes(const struct lmm_sheet *sheet);

/* Puts the section of names, unless it has nothing to say; with what files lack only in the last one
 * of a report (run_names.c). */
void lmm_sheet_names(const struct lmm_sheet *sheet, bool is_last);

#endif
