/* SPDX-License-Identifier: MIT */
/*
 * text_page: what the reports for people have in common (text.h): their style, title, places, stacks and
 * notes. Errors are the sink's.
 */
#ifndef LMM_REPORTER_TEXT_PAGE_H
#define LMM_REPORTER_TEXT_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/model.h"

struct lmm_sink;

enum {
    LMM_TEXT_TOP_SITES = 10,
    LMM_TEXT_BRIEF_FAMILIES = 5,
};

struct lmm_text_style {
    bool colour;         /* terminal escapes for headings and for leaks */
    bool all_leaks;      /* the leak report has all live blocks, whatever their class */
    size_t top_sites;    /* sites shown, the largest first; 0: LMM_TEXT_TOP_SITES */
    bool brief_families; /* families after the sites, at most LMM_TEXT_BRIEF_FAMILIES, without
                            pages; the ledger is the drop-in's, whose families are size classes */
};

struct lmm_text_page {
    const struct lmm_model *model;
    struct lmm_sink *sink;
    bool colour;
    size_t top_sites;
    size_t top_families;
};

/* Returns a page in a style; style may be NULL. */
struct lmm_text_page lmm_text_page_of(const struct lmm_model *model, struct lmm_sink *sink,
                                      const struct lmm_text_style *style);

/* Prints a terminal escape, if the page has colour. */
void lmm_text_paint(const struct lmm_text_page *page, const char *escape);

/* Returns what a row of sites is. */
struct lmm_model_word lmm_text_row_word(const struct lmm_model *model);

/* Prints "LMM: leak report of hr (pid 7)". */
void lmm_text_title(const struct lmm_text_page *page, const char *what);

/* Prints the stacks of a site or row, if the report shows stacks. */
void lmm_text_stacks(const struct lmm_text_page *page, const struct lmm_model_site *site);

/* Prints where a site is; of a stack that has no names its innermost call. sink and return value:
 * as those of lmm_put_string(). */
size_t lmm_text_place(const struct lmm_text_page *page, const struct lmm_model_site *site,
                      struct lmm_sink *sink);

/* Puts, as a sentence and a newline, since when LMM counts in a process to which it was attached. */
void lmm_text_put_span(const struct lmm_model *model, struct lmm_sink *sink);

/* Prints notes on how reliable the figures are; `before` is printed before the first line. */
void lmm_text_notes(const struct lmm_text_page *page, const char *before);

#endif
