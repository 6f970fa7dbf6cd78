/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/run_pages.h"

#include <stdlib.h>
#include <string.h>
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

/* Returns how many bytes of a name stand before its extension. */
static size_t stem_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *last = slash == NULL ? name : slash + 1;
    const char *dot = strrchr(last, '.');

    return dot == NULL || dot == last ? strlen(name) : (size_t) (dot - name);
}

/* Says by which name there would be pages of the other processes, too. */
static void tell_of_others(const struct lmm_run_pages *pages)
{
    size_t stem = stem_of(pages->pattern);

    lmm_complain("%s is the page of the program alone, of %zu processes; --html %.*s.%%p%s writes "
                 "one for each",
                 pages->pattern, pages->report->process_count, (int) stem, pages->pattern,
                 pages->pattern + stem);
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
    if (status == LMM_EXIT_DONE && !is_split && pages->report->process_count > 1) {
        tell_of_others(pages);
    }
    return status;
}
