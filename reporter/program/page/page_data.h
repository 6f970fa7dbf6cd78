/* SPDX-License-Identifier: MIT */
/*
 * page_data: the whole document of LMM's page, docs/page.schema.json. Stateless.
 *
 *     tables = lmm_page_tables_new();
 *     lmm_page_tables_read(tables, model);
 *     lmm_page_figures_make(tables, model, spots, &figures);
 *     lmm_page_data_write(&(struct lmm_page_data) {...}, sink);
 */
#ifndef LMM_PROGRAM_PAGE_DATA_H
#define LMM_PROGRAM_PAGE_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

#include "reporter/program/page/page_facts.h"
#include "reporter/program/page/page_suspects.h"

struct lmm_diet;
struct lmm_json;
struct lmm_page_figures;
struct lmm_page_tables;
struct lmm_sink;
struct lmm_timeline;

enum { LMM_PAGE_SCHEMA_VERSION = 2 };

enum lmm_page_kind { LMM_PAGE_REPORT, LMM_PAGE_LIVE, LMM_PAGE_DIFF };

/* What a diet says, as JSON: it does not need the diet any more. */
struct lmm_page_advice {
    struct lmm_string hints;
    struct lmm_string layouts;
};

/* All that is not there is NULL or 0. */
struct lmm_page_data {
    enum lmm_page_kind kind;
    const struct lmm_page_tables *tables;
    const struct lmm_page_moment *now;
    const struct lmm_page_figures *figures;
    const struct lmm_page_moment *before; /* these two: LMM_PAGE_DIFF */
    const struct lmm_page_figures *figures_before;
    const struct lmm_diet *diet;
    const struct lmm_timeline *timeline;
    const struct lmm_page_suspect *suspects;
    size_t suspect_count;
    char *const *notes;
    size_t note_count;
    const struct lmm_page_advice *advice; /* in the place of diet; NULL: diet has it */
    uint64_t sequence;                    /* of a live page, for its event stream */
    const char *names; /* of a live page: ready, or waiting while they are looked up */
};

/* Puts the array "suspects" into the object that is open. */
void lmm_page_put_suspects(struct lmm_json *json, const struct lmm_page_suspect *suspects,
                           size_t count);

/* Writes the document and flushes the sink. Returns 0, -ENOMEM, or -errno of the first write that
 * failed. */
int lmm_page_data_write(const struct lmm_page_data *data, struct lmm_sink *sink);

#endif
