/* SPDX-License-Identifier: MIT */
/* run_page: see run_page.h for the contract. */
#include "reporter/program/report/run_page.h"

#include <inttypes.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/report/run_report.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

void lmm_page_paint(const struct lmm_page *page, const char *escape)
{
    if (page->run->colour) {
        lmm_sink_puts(page->sink, escape);
    }
}

void lmm_page_heading(const struct lmm_page *page, const char *text)
{
    lmm_sink_puts(page->sink, "\n");
    lmm_page_paint(page, "\033[1m");
    lmm_sink_puts(page->sink, text);
    lmm_page_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

void lmm_page_bytes(const struct lmm_page *page, uint64_t bytes)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_bytes(cell, bytes);
    lmm_sink_puts(page->sink, cell);
}

void lmm_page_count(const struct lmm_page *page, uint64_t count, const char *one, const char *many)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_count(cell, count);
    lmm_sink_printf(page->sink, "%s %s", cell, lmm_plural(count, one, many));
}

void lmm_page_seconds(const struct lmm_page *page, uint64_t ns)
{
    uint64_t ms = ns / LMM_NS_PER_MS;

    lmm_sink_printf(page->sink, "%" PRIu64 ".%03" PRIu64 " s", ms / 1000, ms % 1000);
}

void lmm_page_label(const struct lmm_page *page, const char *label)
{
    lmm_sink_printf(page->sink, "  %-14s", label);
}

bool lmm_page_has_ended_well(const struct lmm_page *page)
{
    return page->model->process == LMM_MODEL_EXITED && !page->process->is_live;
}
