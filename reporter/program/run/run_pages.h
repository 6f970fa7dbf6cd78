/* SPDX-License-Identifier: MIT */
/*
 * run_pages: the HTML files of `lmm run --html`: one for each process where the name has %p in it, else
 * that of the program alone. Stateless.
 */
#ifndef LMM_PROGRAM_RUN_PAGES_H
#define LMM_PROGRAM_RUN_PAGES_H

#include <stdbool.h>

struct lmm_diet;
struct lmm_page_report;
struct lmm_run_report;
struct lmm_run_report_process;
struct lmm_symbols;

struct lmm_run_pages {
    const char *pattern; /* of the files' names */
    const struct lmm_run_report *report;
    struct lmm_symbols *symbols; /* that named the sites */
    char *const *types;          /* patterns, of hints; NULL: all */
    bool no_hints;
};

/* Makes the report of a process of pages->report. diet: all zero; it gets the hints, and is to be freed with
 * lmm_diet_free(). */
struct lmm_page_report lmm_run_page_of(const struct lmm_run_pages *pages,
                                       const struct lmm_run_report_process *process,
                                       struct lmm_diet *diet);

/* Writes the files; a line on stderr says when there are processes without one. Returns an exit status, after a message on stderr if it is not LMM_EXIT_DONE. */
int lmm_run_pages_write(const struct lmm_run_pages *pages);

#endif
