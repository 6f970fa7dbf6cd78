/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_report.h"

#include <errno.h>
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/program/base/program.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/page/page_assets.h"
#include "reporter/program/page/page_data.h"
#include "reporter/program/page/page_figures.h"
#include "reporter/program/page/page_hints.h"
#include "reporter/program/page/page_html.h"
#include "reporter/program/page/page_tables.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/symbols/gap_note.h"

enum {
    NOTES = 10,
    LEAST_SAVED = 4096, /* bytes, of a hint */
};

bool lmm_page_report_can(void)
{
    if (lmm_page_assets() == NULL) {
        lmm_complain("%s", lmm_page_assets_missing);
    }
    return lmm_page_assets() != NULL;
}

void lmm_page_report_diet(const struct lmm_model *model, struct lmm_symbols *symbols,
                          char *const *types, struct lmm_diet *ret_diet)
{
    const struct lmm_diet_options options = {
        .least_bytes = LEAST_SAVED, .most_types = LMM_PAGE_LAYOUTS_MAX, .types = types};

    if (model->other_malloc.bytes == 0) { /* it leaves *ret_diet alone when memory runs out */
        (void) lmm_diet_make(model, symbols, &options, ret_diet);
    }
}

/* Reads a moment into the tables, and takes its figures. */
static bool take(struct lmm_page_tables *tables, const struct lmm_page_moment *moment,
                 struct lmm_page_figures *ret_figures)
{
    return lmm_page_tables_read(tables, moment->model) &&
           lmm_page_figures_make(tables, moment->model, moment->spots, ret_figures);
}

static int write_with(const struct lmm_page_report *report, struct lmm_page_tables *tables,
                      struct lmm_sink *sink)
{
    struct lmm_page_figures now = {.site_count = 0};
    struct lmm_page_figures before = {.site_count = 0};
    char *notes[LMM_GAP_NOTES_MAX];
    struct lmm_page_suspect suspects[LMM_PAGE_SUSPECTS_MAX];
    size_t count = 0;
    int error = -ENOMEM;

    if ((report->before == NULL || take(tables, report->before, &before)) &&
        take(tables, &report->now, &now)) {
        count = report->symbols == NULL ? 0 : lmm_gap_notes_texts(report->symbols, NOTES, notes);
        const struct lmm_page_data data = {
            .kind = report->before == NULL ? LMM_PAGE_REPORT : LMM_PAGE_DIFF,
            .tables = tables,
            .now = &report->now,
            .figures = &now,
            .before = report->before,
            .figures_before = report->before == NULL ? NULL : &before,
            .diet = report->diet,
            .timeline = report->timeline,
            .suspects = suspects,
            .suspect_count = lmm_page_suspects_find(tables, report->now.model, report->timeline,
                                                    report->now.limit_bytes, suspects),
            .notes = notes,
            .note_count = count,
        };

        error = lmm_page_html_write(&data, sink);
    }
    while (count > 0) {
        free(notes[--count]);
    }
    lmm_page_figures_free(&now);
    lmm_page_figures_free(&before);
    return error;
}

int lmm_page_report_write(const struct lmm_page_report *report, struct lmm_sink *sink)
{
    struct lmm_page_tables *tables = lmm_page_tables_new();
    int error = -ENOMEM;

    if (lmm_page_assets() == NULL) {
        error = -ENOTSUP;
    } else if (tables != NULL) {
        error = write_with(report, tables, sink);
    }
    lmm_page_tables_free(tables);
    return error;
}

int lmm_html_render(const struct lmm_model *model, struct lmm_sink *sink,
                    const struct lmm_format_options *options)
{
    const struct lmm_page_report plain = {.now = {.model = model}};

    return lmm_page_report_can()
               ? lmm_page_report_write(options->page == NULL ? &plain : options->page, sink)
               : -ENOTSUP;
}
