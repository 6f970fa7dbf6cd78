/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/check_report.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/report_options.h"
#include "reporter/program/report/run_render.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"

int lmm_check_report_render(const struct lmm_check_report *report, const struct lmm_format *format,
                            struct lmm_sink *sink)
{
    struct lmm_spots spots = {.model = NULL};
    const struct lmm_run_report_process process = {
        .model = report->model,
        .spots = &spots,
        .is_program = true,
        .is_live = report->model->process == LMM_MODEL_RUNNING,
    };
    const struct lmm_run_report run = {
        .processes = &process,
        .process_count = 1,
        .suppressions = &report->losses->suppressions,
        .symbols = report->symbols,
        .bounds = report->bounds,
        .look = report->look,
        .shown_classes = report->losses->shown_classes,
        .error_classes = LMM_KINDS_ERRORS,
        .leaks_only = true,
        .colour = report->colour,
    };
    int error = -ENOMEM;

    assert(format->kind != LMM_FORMAT_DATA);
    lmm_loss_options_add_own(report->losses, report->model);
    if (lmm_loss_options_complete(report->losses) &&
        lmm_spots_make(report->model, &report->losses->suppressions, &spots)) {
        lmm_spots_select(&spots, report->types);
        error = lmm_run_report_render(&run, format, sink);
    }
    lmm_spots_free(&spots);
    return error;
}

int lmm_check_report_write(const struct lmm_check_report *report, const struct lmm_format *format,
                           const char *path)
{
    struct lmm_check_report shown = *report;
    struct lmm_output output;

    if (!lmm_output_open(&output, path, 0666)) {
        return LMM_EXIT_FAILED;
    }
    shown.colour = lmm_output_has_colour(&output);
    int error = lmm_check_report_render(&shown, format, &output.sink);

    if (output.sink.error == 0) {
        output.sink.error = error; /* it may fail before it writes */
    }
    return lmm_output_close(&output);
}

/* ---- Formats of `lmm report` ----------------------------------------------------------------- */

enum { STACKS = 3 };

static int render(const struct lmm_model *model, struct lmm_sink *sink, const char *format)
{
    struct lmm_loss_options losses = {.shown_classes = LMM_KINDS_SHOWN};
    const struct lmm_check_report report = {
        .model = model,
        .losses = &losses,
        .bounds = {.rows = SIZE_MAX, .stacks = STACKS, .sizes = 1},
    };
    int error = lmm_check_report_render(&report, lmm_format_find(format), sink);

    lmm_suppressions_free(&losses.suppressions);
    return error;
}

int lmm_junit_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options)
{
    (void) options;
    return render(model, sink, "junit");
}

int lmm_sarif_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options)
{
    (void) options;
    return render(model, sink, "sarif");
}
