/* SPDX-License-Identifier: MIT */
/* page_report: the HTML report of a process, or of two moments compared: the format `html`. Stateless. */
#ifndef LMM_PROGRAM_PAGE_REPORT_H
#define LMM_PROGRAM_PAGE_REPORT_H

#include <stdbool.h>

#include "reporter/program/page/page_facts.h"

struct lmm_diet;
struct lmm_model;
struct lmm_sink;
struct lmm_symbols;
struct lmm_timeline;

/* What a report has. All but the model of `now` may be zero. */
struct lmm_page_report {
    struct lmm_page_moment now;
    const struct lmm_page_moment *before; /* the earlier moment of a difference; NULL: it is none */
    const struct lmm_diet *diet;
    const struct lmm_timeline *timeline;
    const struct lmm_symbols *symbols; /* that named the sites, for notes on what they lack */
};

/* Returns whether this program can make such reports; false after a message on stderr. */
bool lmm_page_report_can(void);

/* Makes the hints and layouts that a report shows, as lmm_diet_make() does; none where the process has another
 * allocator, or memory ran out: then *ret_diet, all zero before, stays so. types: patterns; NULL: all. */
void lmm_page_report_diet(const struct lmm_model *model, struct lmm_symbols *symbols,
                          char *const *types, struct lmm_diet *ret_diet);

/* Writes the report, a file of HTML, and flushes the sink. The models' sites are named; those of a difference have
 * comparable stack keys (lmm_symbols_key_sites()). Returns 0, -ENOTSUP when it cannot, -ENOMEM, or -errno of the first
 * write that failed. */
int lmm_page_report_write(const struct lmm_page_report *report, struct lmm_sink *sink);

#endif
