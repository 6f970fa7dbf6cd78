/* SPDX-License-Identifier: MIT */
/* run_check_render: the check for leaks of one model in the formats of run_ci.h, for `lmm report`. */
#include <errno.h>

#include "reporter/core/model.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/run_ci.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"

enum { STACKS = 3 };

static int render(const struct lmm_model *model, struct lmm_sink *sink,
                  int (*put)(const struct lmm_run_report *run, struct lmm_sink *sink))
{
    struct lmm_suppressions suppressions = {.items = NULL};
    struct lmm_spots spots = {.model = NULL};
    struct lmm_run_report_process process = {.model = model,
                                             .spots = &spots,
                                             .is_program = true,
                                             .is_live = model->process == LMM_MODEL_RUNNING};
    struct lmm_run_report run = {
        .processes = &process,
        .process_count = 1,
        .suppressions = &suppressions,
        .bounds = {.rows = SIZE_MAX, .stacks = STACKS, .sizes = 1},
        .shown_classes = LMM_KINDS_SHOWN,
        .error_classes = LMM_KINDS_ERRORS,
        .leaks_only = true,
    };
    int error = -ENOMEM;

    if (lmm_suppressions_add_built_in(&suppressions) &&
        lmm_spots_make(model, &suppressions, &spots)) {
        error = put(&run, sink);
    }
    lmm_spots_free(&spots);
    lmm_suppressions_free(&suppressions);
    return error;
}

int lmm_junit_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options)
{
    (void) options;
    return render(model, sink, lmm_run_report_junit);
}

int lmm_sarif_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options)
{
    (void) options;
    return render(model, sink, lmm_run_report_sarif);
}
