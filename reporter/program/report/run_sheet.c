/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/run_sheet.h"

#include <inttypes.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/report/run_report.h"
#include "reporter/core/sink.h"

void lmm_sheet_paint(const struct lmm_sheet *sheet, const char *escape)
{
    if (sheet->run->colour) {
        lmm_sink_puts(sheet->sink, escape);
    }
}

void lmm_sheet_heading(const struct lmm_sheet *sheet, const char *text)
{
    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_paint(sheet, "\033[1m");
    lmm_sink_puts(sheet->sink, text);
    lmm_sheet_paint(sheet, "\033[0m");
    lmm_sink_puts(sheet->sink, "\n");
}

void lmm_sheet_seconds(const struct lmm_sheet *sheet, uint64_t ns)
{
    uint64_t ms = ns / LMM_NS_PER_MS;

    lmm_sink_printf(sheet->sink, "%" PRIu64 ".%03" PRIu64 " s", ms / 1000, ms % 1000);
}

void lmm_sheet_label(const struct lmm_sheet *sheet, const char *label)
{
    lmm_sink_printf(sheet->sink, "  %-14s", label);
}

bool lmm_sheet_has_ended_well(const struct lmm_sheet *sheet)
{
    return sheet->model->process == LMM_MODEL_EXITED && !sheet->process->is_live;
}
