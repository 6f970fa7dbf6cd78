/* SPDX-License-Identifier: MIT */
/* page_check: what fuzzers require of the document of LMM's page: sums that are the model's, rows that stay, and JSON that
 * can be read. */
#ifndef TESTS_FUZZ_PAGE_CHECK_H
#define TESTS_FUZZ_PAGE_CHECK_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/sink.h"
#include "reporter/program/base/json_strings.h"
#include "reporter/program/page/page_data.h"
#include "reporter/program/page/page_figures.h"
#include "reporter/program/page/page_tables.h"

struct page_text {
    char *bytes;
    size_t count;
    size_t room;
};

static int page_take(void *context, const char *data, size_t bytes)
{
    struct page_text *text = context;

    if (text->count + bytes > text->room) {
        size_t room = (text->count + bytes) * 2;
        char *larger = realloc(text->bytes, room);

        if (larger == NULL) {
            return -ENOMEM;
        }
        text->bytes = larger;
        text->room = room;
    }
    memcpy(text->bytes + text->count, data, bytes);
    text->count += bytes;
    return 0;
}

static bool page_goes_on(void *context, const struct lmm_json_place *place, struct lmm_string text)
{
    (void) context;
    (void) place;
    (void) text;
    return true;
}

static uint64_t page_sum(const struct lmm_page_figures *figures, enum lmm_page_column column)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < figures->site_count; i++) {
        sum = lmm_add_saturated(sum, lmm_page_figure(figures, column, i));
    }
    return sum;
}

/* Whether the sums over the rows are those over the sites. */
static bool page_adds_up(const struct lmm_model *model, const struct lmm_page_figures *figures)
{
    uint64_t allocations = 0;
    uint64_t live_bytes = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        allocations = lmm_add_saturated(allocations, model->sites[i].allocations);
        live_bytes = lmm_add_saturated(live_bytes, model->sites[i].live_bytes);
    }
    return page_sum(figures, LMM_PAGE_ALLOCATIONS) == allocations &&
           page_sum(figures, LMM_PAGE_LIVE_BYTES) == live_bytes;
}

/* Returns NULL, or what is wrong with the page of a model; before: of a difference; spots: of the model. Both may be
 * NULL. */
static const char *page_fault(const struct lmm_model *model, const struct lmm_model *before,
                              const struct lmm_spots *spots)
{
    struct lmm_page_tables *tables = lmm_page_tables_new();
    struct lmm_page_figures now = {.site_count = 0};
    struct lmm_page_figures then = {.site_count = 0};
    const struct lmm_page_moment moment = {.model = model, .spots = spots};
    const struct lmm_page_moment earlier = {.model = before};
    struct page_text text = {.bytes = NULL};
    const char *fault = NULL;
    struct lmm_sink sink;

    if (tables == NULL ||
        (before != NULL && (!lmm_page_tables_read(tables, before) ||
                            !lmm_page_figures_make(tables, before, NULL, &then))) ||
        !lmm_page_tables_read(tables, model)) {
        abort();
    }
    struct lmm_page_counts first = lmm_page_tables_count(tables);

    if (!lmm_page_tables_read(tables, model) ||
        !lmm_page_figures_make(tables, model, spots, &now)) {
        abort();
    }
    struct lmm_page_counts second = lmm_page_tables_count(tables);
    const struct lmm_page_data data = {
        .kind = before == NULL ? LMM_PAGE_LIVE : LMM_PAGE_DIFF,
        .tables = tables,
        .now = &moment,
        .figures = &now,
        .before = before == NULL ? NULL : &earlier,
        .figures_before = before == NULL ? NULL : &then,
    };

    lmm_sink_init(&sink, page_take, &text);
    if (memcmp(&first, &second, sizeof(first)) != 0) {
        fault = "a second reading of a model adds rows to its page";
    } else if (!page_adds_up(model, &now)) {
        fault = "the sums of a page are not those of its sites";
    } else if (lmm_page_data_write(&data, &sink) != 0 ||
               !lmm_json_strings(text.bytes, text.count, page_goes_on, NULL)) {
        fault = "the document of a page cannot be read";
    }
    free(text.bytes);
    lmm_page_figures_free(&now);
    lmm_page_figures_free(&then);
    lmm_page_tables_free(tables);
    return fault;
}

#endif
