/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/run_render.h"

#include <assert.h>
#include <string.h>

#include "reporter/program/formats/format.h"
#include "reporter/program/report/run_ci.h"
#include "reporter/program/report/run_report.h"

int lmm_run_report_render(const struct lmm_run_report *run, const struct lmm_format *format,
                          struct lmm_sink *sink)
{
    assert(format->kind != LMM_FORMAT_DATA);
    switch (format->kind) {
    case LMM_FORMAT_JSON: return lmm_run_report_json(run, sink);
    case LMM_FORMAT_CHECK:
        return strcmp(format->name, "junit") == 0 ? lmm_run_report_junit(run, sink)
                                                  : lmm_run_report_sarif(run, sink);
    default: return lmm_run_report_text(run, sink);
    }
}
