/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/run_pages.h"

#include <stdlib.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/memory_limit.h"
#include "reporter/program/page/page_report.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/run/run_output.h"

struct lmm_page_report lmm_run_page_of(const struct lmm_run_pages *pages,
                                       const struct lmm_run_report_process *process,
                                       struct lmm_diet *diet)
{
    const struct lmm_run_report *report = pages->report;

    if (!pages->no_hints) {
        lmm_page_report_diet(process->model, pages->symbols, pages->types, diet);
    }
    return (struct lmm_page_report) {
        .now =
            {
                .model = process->model,
                .spots = process->spots,
                .argv = process->is_program ? report->argv : NULL,
                .ending = process->is_program ? report->ending : NULL,
                .has_status = process->has_status,
                .status = process->status,
                .limit_bytes = lmm_memory_limit_of((uint32_t) getpid()), /* the program's, too */
            },
        .timeline = process->timeline,
        .diet = diet->model == NULL ? NULL : diet,
        .symbols = pages->symbols,
    };
}

static int write_page(const struct lmm_run_pages *pages,
                      const struct lmm_run_report_process *process, const char *path)
{
    struct lmm_diet diet = {.model = NULL};
    struct lmm_output output;

    if (!lmm_output_open(&output, path, 0666)) {
        return LMM_EXIT_FAILED;
    }
    const struct lmm_page_report page = lmm_run_page_of(pages, process, &diet);
    int error = lmm_page_report_write(&page, &output.sink);

    lmm_diet_free(&diet);
    if (output.sink.error == 0) {
        output.sink.error = error;
    }
    return lmm_output_close(&output);
}

int lmm_run_pages_write(const struct lmm_run_pages *pages)
{
    bool is_split = lmm_run_output_is_split(pages->pattern);
    int status = LMM_EXIT_DONE;

    for (size_t i = 0; i < pages->report->process_count && status == LMM_EXIT_DONE; i++) {
        const struct lmm_run_report_process *process = &pages->report->processes[i];
        char *path = NULL;

        if (is_split || process->is_program) {
            path = lmm_run_output_path(pages->pattern, process->model->pid);
            status = path == NULL ? LMM_EXIT_FAILED : write_page(pages, process, path);
        }
        free(path);
    }
    return status;
}
