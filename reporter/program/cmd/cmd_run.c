/* SPDX-License-Identifier: MIT */
/*
 * cmd_run: `lmm run [OPTION...] [--] PROGRAM [ARGUMENT...]`: prepares the directory and environment
 * of the program, runs it (launch.h), and reports the ledgers that it left (run_report.h).
 *
 * The output is tested before the program starts. If the report still cannot be written at the end,
 * the ledgers are kept and a message says where.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/run/keeper.h"
#include "reporter/program/run/launch.h"
#include "reporter/program/base/output.h"
#include "reporter/program/run/preload.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/run_folder.h"
#include "reporter/program/run/run_options.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/symbols/symbols.h"

/* The ledger of one process. */
struct book {
    char *path;
    struct lmm_snapshot *snapshot;
    struct lmm_spots spots;
};

struct run {
    struct lmm_run_options options;
    struct lmm_run_folder folder;
    struct lmm_ending ending;
    struct lmm_keeper *keeper; /* NULL: out of memory; then files that went have no names */
    struct lmm_symbols *symbols;
    struct book *books; /* first the program's, then its children's by start time */
    size_t book_count;
};

/* ---- Before ---------------------------------------------------------------------------------- */

/* Returns pattern with pid for each %p, to be freed; NULL: memory ran out. */
static char *expand(const char *pattern, uint32_t pid)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);

    for (const char *at = pattern; stream != NULL && *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 'p') {
            fprintf(stream, "%" PRIu32, pid);
            at++;
        } else if (at[0] == '%' && at[1] == '%') {
            fputc(*at++, stream);
        } else {
            fputc(*at, stream);
        }
    }
    if (stream == NULL || fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Whether the output has a file for each process. */
static bool is_split(const struct lmm_run_options *options)
{
    char *without = options->output == NULL ? NULL : expand(options->output, 0);
    char *other = options->output == NULL ? NULL : expand(options->output, 1);
    bool differs = without != NULL && other != NULL && strcmp(without, other) != 0;

    free(without);
    free(other);
    return differs;
}

/* Whether the report can probably be written; false after a message on stderr. */
static bool can_report(const struct lmm_run_options *options)
{
    if (options->children && options->format->kind == LMM_FORMAT_DATA && !is_split(options)) {
        lmm_complain(
            "--children and --format %s need a file for each process: -o FILE with %%p in it",
            options->format->name);
        return false;
    }
    if (options->output == NULL) {
        bool is_refused = options->format->is_binary && isatty(STDERR_FILENO) != 0;

        if (is_refused) {
            lmm_complain("not writing binary %s to a terminal; use -o FILE", options->format->name);
        }
        return !is_refused;
    }
    char *path = expand(options->output, (uint32_t) getpid());
    bool can = path != NULL && lmm_output_can_open(path);

    free(path);
    return can;
}

/* Starts the program and waits until it ends; false if it was not started, after a message on
 * stderr. */
static bool launch_with(struct run *run, const char *preload, const char *options)
{
    const struct lmm_launch_variable variables[] = {
        {"LD_PRELOAD", preload},
        {"LMM_OPTIONS", options},
        {NULL, NULL},
    };
    struct lmm_launch launch = {
        .argv = run->options.argv,
        .variables = variables,
        .ignores_sigpipe = lmm_sigpipe_was_ignored,
        .look = lmm_keeper_look,
        .context = run->keeper,
    };
    int error = lmm_launch(&launch, &run->ending);

    if (error != 0) {
        lmm_complain("%s: %s", run->options.argv[0], strerror(-error));
    }
    return error == 0;
}

static bool launch(struct run *run)
{
    struct lmm_preload_settings settings = {
        .directory = run->folder.path,
        .stacks = run->options.stacks,
        .children = run->options.children,
        .fill = run->options.fill,
        .fit = run->options.fit,
        .options = run->options.options,
    };
    char *library = lmm_preload_find(run->options.library);
    char *preload = library == NULL ? NULL : lmm_preload_value(library);
    char *options = preload == NULL ? NULL : lmm_preload_options(&settings);
    bool launched = options != NULL && launch_with(run, preload, options);

    free(library);
    free(preload);
    free(options);
    return launched;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool is_program(const struct run *run, const struct book *book)
{
    return run->book_count == 1 || book->snapshot->model->pid == (uint32_t) run->ending.pid;
}

static int compare_books(const void *left, const void *right, void *context)
{
    const struct book *a = left;
    const struct book *b = right;
    bool a_is_program = is_program(context, a);
    uint64_t a_ns = a->snapshot->model->start_time_ns;
    uint64_t b_ns = b->snapshot->model->start_time_ns;

    if (a_is_program != is_program(context, b)) {
        return a_is_program ? -1 : 1;
    }
    return (a_ns > b_ns) - (a_ns < b_ns);
}

/* Adds the ledger at path; takes ownership of path. */
static bool add_book(struct run *run, char *path)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);

    if (snapshot == NULL) {
        free(path);
        return false;
    }
    assert(run->books != NULL);
    run->books[run->book_count++] = (struct book) {.path = path, .snapshot = snapshot};
    return true;
}

/* Reads all ledgers. Returns false if one of them failed, after a message on stderr for each. */
static bool read_books(struct run *run)
{
    size_t count = 0;
    char **paths = lmm_run_folder_list(&run->folder, &count);
    bool good = true;

    run->books = calloc(count + 1, sizeof(*run->books));
    for (size_t i = 0; i < count; i++) {
        if (run->books == NULL) {
            free(paths[i]);
            good = false;
        } else {
            good = add_book(run, paths[i]) && good;
        }
    }
    free(paths);
    if (run->books != NULL && run->book_count > 1) {
        qsort_r(run->books, run->book_count, sizeof(*run->books), compare_books, run);
    }
    return good;
}

/* Names the sites and groups them by place. Returns 0 or -ENOMEM. */
static int name_and_group(struct run *run)
{
    run->symbols = lmm_symbols_open(run->options.debuginfod ? LMM_SYMBOLS_DEBUGINFOD : 0);
    if (run->symbols == NULL) {
        return -ENOMEM;
    }
    lmm_symbols_set_kept(run->symbols, lmm_keeper_files(run->keeper));
    lmm_symbols_set_brief(run->symbols, true);
    for (size_t i = 0; i < run->book_count; i++) {
        struct lmm_model *model = run->books[i].snapshot->model;

        if (!lmm_symbols_name_sites(run->symbols, model) ||
            !lmm_spots_make(model, &run->options.suppressions, &run->books[i].spots)) {
            return -ENOMEM;
        }
    }
    lmm_symbols_set_brief(run->symbols, false);
    return 0;
}

/* ---- Reporting ------------------------------------------------------------------------------- */

static bool is_live(const struct book *book)
{
    return lmm_process_runs(book->snapshot->state) && book->snapshot->state != LMM_PROCESS_UNKNOWN;
}

static int render(const struct run *run, const struct lmm_run_report *report,
                  struct lmm_output *output)
{
    const struct lmm_format *format = run->options.format;
    struct lmm_format_options look = {.measure = run->options.measure,
                                      .terminal = lmm_output_is_terminal(output),
                                      .sites = true,
                                      .top_sites = run->options.top};

    switch (format->kind) {
    case LMM_FORMAT_TEXT: return lmm_run_report_text(report, &output->sink);
    case LMM_FORMAT_JSON: return lmm_run_report_json(report, &output->sink);
    default: return format->render(report->processes[0].model, &output->sink, &look);
    }
}

/* Writes one report of `count` processes to the output; returns an exit status. */
static int write_report(const struct run *run, const struct lmm_run_report_process *processes,
                        size_t count, const char *path)
{
    struct lmm_output output;
    char folder[PATH_MAX];
    struct lmm_run_report report = {
        .argv = run->options.argv,
        .ending = &run->ending,
        .processes = processes,
        .process_count = count,
        .suppressions = &run->options.suppressions,
        .symbols = run->symbols,
        .bounds = lmm_run_options_bounds(&run->options),
        .look = lmm_run_options_look(&run->options, folder),
        .leaks_only = run->options.leaks_only,
    };

    assert(count > 0);
    if (path == NULL) {
        lmm_output_open_stderr(&output);
    } else if (!lmm_output_open(&output, path, 0666)) {
        return LMM_EXIT_FAILED;
    }
    report.colour = lmm_output_has_colour(&output);
    int error = render(run, &report, &output);

    if (output.sink.error == 0) {
        output.sink.error = error;
    }
    return lmm_output_close(&output);
}

static int write_split(const struct run *run, const struct lmm_run_report_process *processes)
{
    int status = LMM_EXIT_DONE;

    for (size_t i = 0; i < run->book_count && status == LMM_EXIT_DONE; i++) {
        char *path = expand(run->options.output, processes[i].model->pid);

        status = path == NULL ? LMM_EXIT_FAILED : write_report(run, &processes[i], 1, path);
        free(path);
    }
    return status;
}

static int write_reports(struct run *run)
{
    struct lmm_run_report_process *processes = calloc(run->book_count, sizeof(*processes));
    int status = LMM_EXIT_FAILED;

    if (processes == NULL) {
        lmm_complain("%s", strerror(ENOMEM));
        return status;
    }
    for (size_t i = 0; i < run->book_count; i++) {
        processes[i] = (struct lmm_run_report_process) {
            .model = run->books[i].snapshot->model,
            .spots = &run->books[i].spots,
            .is_program = is_program(run, &run->books[i]),
            .is_live = is_live(&run->books[i]),
        };
    }
    if (is_split(&run->options)) {
        status = write_split(run, processes);
    } else {
        status = write_report(run, processes, run->book_count, run->options.output);
    }
    free(processes);
    return status;
}

static void complain_about_none(const struct run *run)
{
    const char *program = run->options.argv[0];
    const char *obstacle = lmm_preload_obstacle(program);

    if (obstacle != NULL) {
        lmm_complain("%s did not load LMM: %s", program, obstacle);
    } else {
        lmm_complain("%s did not load LMM: is it statically linked or set-user-ID?", program);
    }
}

static bool has_other_malloc(const struct book *book)
{
    return book->snapshot->model->other_malloc.bytes > 0;
}

static bool is_lost(const struct book *book)
{
    return book->snapshot->model->process == LMM_MODEL_LOST;
}

/* Text and JSON say it themselves. */
static void complain_about_losses(const struct run *run)
{
    for (size_t i = 0; i < run->book_count && run->options.format->kind == LMM_FORMAT_DATA; i++) {
        lmm_snapshot_tell_loss(run->books[i].snapshot);
    }
}

static void complain_about_others(const struct run *run)
{
    for (size_t i = 0; i < run->book_count; i++) {
        lmm_snapshot_tell_other_malloc(run->books[i].snapshot);
    }
}

static void tell_paths(const struct run *run)
{
    for (size_t i = 0; i < run->book_count; i++) {
        lmm_complain("ledger of %" PRIu32 ": %s", run->books[i].snapshot->model->pid,
                     run->books[i].path);
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* What lived when a ledger was lost may have been freed later. */
static bool has_leaks(const struct book *book)
{
    return book->spots.total.leaked_blocks > 0 && !is_lost(book);
}

static bool any_book(const struct run *run, bool (*is_one)(const struct book *book))
{
    for (size_t i = 0; i < run->book_count; i++) {
        if (is_one(&run->books[i])) {
            return true;
        }
    }
    return false;
}

/* Returns the status when LMM cannot tell whether the program leaks: a gate must not let it pass. */
static int status_untold(const struct run *run, int status)
{
    return status == 0 && run->options.error_exitcode != 0 ? (int) LMM_RUN_FAILED : status;
}

/* Reports the ledgers that the program left. Returns an exit status; sets *ret_keep if they must
 * stay. */
static int report(struct run *run, bool *ret_keep)
{
    bool good = read_books(run);
    int status = lmm_ending_status(&run->ending);

    *ret_keep = run->options.keep || !good || any_book(run, is_live);
    if (run->book_count == 0) {
        if (good) {
            complain_about_none(run);
        }
        return good ? status_untold(run, status) : (int) LMM_RUN_FAILED;
    }
    int error = name_and_group(run);

    if (error != 0) {
        lmm_complain("%s", strerror(-error));
    }
    if (error != 0 || !good || write_reports(run) != LMM_EXIT_DONE) {
        *ret_keep = true;
        status = LMM_RUN_FAILED;
    } else if (status == 0 && run->options.error_exitcode != 0 && any_book(run, has_leaks)) {
        status = run->options.error_exitcode;
    } else if (any_book(run, has_other_malloc) || any_book(run, is_lost)) {
        status = status_untold(run, status);
    }
    complain_about_others(run);
    complain_about_losses(run);
    if (*ret_keep) {
        tell_paths(run);
    }
    return status;
}

static void forget(struct run *run)
{
    for (size_t i = 0; i < run->book_count; i++) {
        lmm_spots_free(&run->books[i].spots);
        lmm_snapshot_free(run->books[i].snapshot);
        free(run->books[i].path);
    }
    free(run->books);
    lmm_symbols_close(run->symbols);
    lmm_keeper_close(run->keeper);
    lmm_suppressions_free(&run->options.suppressions);
}

static int run_in_folder(struct run *run)
{
    bool keep = false;
    int status = LMM_RUN_FAILED;

    run->keeper = lmm_keeper_open(&run->folder, run->options.argv[0]);
    if (launch(run)) {
        status = lmm_ending_status(&run->ending);
        if (run->ending.exec_errno != 0) {
            lmm_complain("%s: %s", run->options.argv[0], strerror(run->ending.exec_errno));
        } else {
            status = report(run, &keep);
        }
    }
    lmm_run_folder_end(&run->folder, keep);
    return status;
}

int lmm_cmd_run(int argc, char **argv)
{
    struct run run = {.folder = {NULL, -1}};
    int status = LMM_RUN_FAILED;

    lmm_run_options_read(argc, argv, &run.options);
    if (can_report(&run.options) && lmm_run_folder_make(&run.folder)) {
        status = run_in_folder(&run);
    }
    forget(&run);
    return status;
}
