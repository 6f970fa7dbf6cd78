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
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/large_pages.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/page/page_report.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/gate.h"
#include "reporter/program/report/run_render.h"
#include "reporter/program/run/keeper.h"
#include "reporter/program/run/launch.h"
#include "reporter/program/run/looks.h"
#include "reporter/program/base/output.h"
#include "reporter/program/run/preload.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/run_folder.h"
#include "reporter/program/run/run_books.h"
#include "reporter/program/run/run_options.h"
#include "reporter/program/run/run_output.h"
#include "reporter/program/run/run_pages.h"
#include "reporter/program/run/run_timeline.h"
#include "reporter/program/run/sampler.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"

struct run {
    struct lmm_diet diet; /* of the program */
    struct lmm_run_options options;
    struct lmm_run_folder folder;
    struct lmm_ending ending;
    struct lmm_run_end *ends; /* of processes that outlived the program */
    size_t end_count;
    struct lmm_keeper *keeper;   /* NULL: out of memory; then files that went have no names */
    struct lmm_sampler *sampler; /* NULL: nothing is sampled */
    struct lmm_symbols *symbols;
    struct lmm_run_books books;
    struct lmm_run_report_process *processes; /* of the books, in their order */
};

/* ---- Before ---------------------------------------------------------------------------------- */

/* Whether the report and the pages can probably be written; false after a message on stderr. */
static bool can_report(const struct lmm_run_options *options)
{
    bool is_split = lmm_run_output_is_split(options->output);

    if (options->children && options->format->kind == LMM_FORMAT_DATA && !is_split) {
        lmm_complain("%s and --format %s need a file for each process: -o FILE with %%p in it",
                     options->error_exitcode != 0 ? "--error-exitcode" : "--children",
                     options->format->name);
        return false;
    }
    if ((options->format->is_page || options->html != NULL) && !lmm_page_report_can()) {
        return false;
    }
    if (options->html != NULL && !lmm_run_output_can(options->html)) {
        return false;
    }
    return options->output == NULL ? lmm_format_may_go(options->format, isatty(STDERR_FILENO) != 0)
                                   : lmm_run_output_can(options->output);
}

static void take_end(void *context, pid_t pid, int status)
{
    struct run *run = context;
    struct lmm_run_end *end = lmm_array_add(&run->ends, &run->end_count, sizeof(*end));

    if (end != NULL) {
        *end = (struct lmm_run_end) {pid, status};
    }
}

/* Starts the program and waits until it ends; false if it was not started, after a message on
 * stderr. */
static bool launch_with(struct run *run, const char *preload, const char *options)
{
    static const struct lmm_launch_variable none = {NULL, NULL};
    const struct lmm_launch_variable variables[] = {
        {"LD_PRELOAD", preload},
        {"LMM_OPTIONS", options},
        {NULL, NULL},
    };
    bool must_not = lmm_preload_must_not(run->options.argv[0]);
    struct lmm_looks looks = {
        .items = {{lmm_keeper_look, run->keeper, 0}, {lmm_sampler_look, run->sampler, 0}},
        .count = run->sampler == NULL ? 1 : 2,
    };
    struct lmm_launch launch = {
        .argv = run->options.argv,
        .variables = must_not ? &none : variables,
        .ignores_sigpipe = lmm_sigpipe_was_ignored,
        .look = lmm_looks_look,
        .context = &looks,
        .take_end = run->options.waits ? take_end : NULL,
        .end_context = run,
    };
    int error = lmm_launch(&launch, &run->ending);

    if (run->sampler != NULL) {
        lmm_sampler_stop(run->sampler);
    }
    if (error != 0) {
        lmm_complain("%s: %s", run->options.argv[0], strerror(-error));
    }
    return error == 0;
}

static bool launch(struct run *run)
{
    struct lmm_preload_settings settings = {
        .directory = run->folder.path,
        .starts = run->folder.starts,
        .stacks = run->options.stacks,
        .children = run->options.children,
        .fill = run->options.fill,
        .checks_matching = run->options.checks_matching,
        .retained = run->options.retained,
        .fit = run->options.fit,
        .temporary = run->options.temporary,
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

/* ---- Reporting ------------------------------------------------------------------------------- */

/* Adds the programs' own suppressions after the user's, and the built-in ones last. False: out of
 * memory. */
static bool add_suppressions(struct run *run)
{
    for (size_t i = 0; i < run->books.count; i++) {
        lmm_loss_options_add_own(&run->options.losses, run->books.items[i].snapshot->model);
    }
    return lmm_loss_options_complete(&run->options.losses);
}

/* Names the sites and groups them by place. Returns 0 or -ENOMEM. */
static int name_and_group(struct run *run)
{
    run->symbols = lmm_symbols_open(run->options.debuginfod ? LMM_SYMBOLS_DEBUGINFOD : 0);
    if (run->symbols == NULL || !add_suppressions(run)) {
        return -ENOMEM;
    }
    lmm_symbols_set_kept(run->symbols, lmm_keeper_files(run->keeper));
    lmm_symbols_set_brief(run->symbols, true);
    for (size_t i = 0; i < run->books.count; i++) {
        struct lmm_model *model = run->books.items[i].snapshot->model;

        if (!lmm_symbols_name_sites(run->symbols, model) || !lmm_types_find(run->symbols, model) ||
            !lmm_spots_make(model, &run->options.losses.suppressions, &run->books.items[i].spots)) {
            return -ENOMEM;
        }
        lmm_spots_select(&run->books.items[i].spots, run->options.select.types);
        if (run->options.has_baseline) {
            lmm_baseline_apply(&run->options.baseline, &run->books.items[i].spots);
        }
    }
    lmm_symbols_set_brief(run->symbols, false);
    return 0;
}

/* Returns the pages of a report. */
static struct lmm_run_pages pages_of(const struct run *run, const struct lmm_run_report *report)
{
    return (struct lmm_run_pages) {
        .pattern = run->options.html,
        .report = report,
        .symbols = run->symbols,
        .types = run->options.select.types,
        .no_hints = run->options.no_hints,
    };
}

/* As --format html: of one process. */
static int render_page(const struct run *run, const struct lmm_run_report *report,
                       struct lmm_sink *sink)
{
    const struct lmm_run_pages pages = pages_of(run, report);
    struct lmm_diet diet = {.model = NULL};
    const struct lmm_page_report page = lmm_run_page_of(&pages, &report->processes[0], &diet);
    int error = lmm_page_report_write(&page, sink);

    lmm_diet_free(&diet);
    return error;
}

static int render(const struct run *run, const struct lmm_run_report *report,
                  struct lmm_output *output)
{
    const struct lmm_format *format = run->options.format;
    struct lmm_format_options look = {.measure = run->options.measure,
                                      .terminal = lmm_output_is_terminal(output),
                                      .sites = true,
                                      .top_sites = run->options.extent.top};

    if (format->is_page) {
        return render_page(run, report, &output->sink);
    }
    if (format->kind == LMM_FORMAT_DATA) {
        return format->render(report->processes[0].model, &output->sink, &look);
    }
    /* The short text shows few calls in libraries, and those by their names. */
    lmm_symbols_set_brief(run->symbols, format->kind == LMM_FORMAT_TEXT && report->look.is_brief);
    int error = lmm_run_report_render(report, format, &output->sink);

    lmm_symbols_set_brief(run->symbols, false);
    return error;
}

/* Returns the report of some processes. folder: as lmm_extent_options_look() has it. */
static struct lmm_run_report report_of(const struct run *run,
                                       const struct lmm_run_report_process *processes, size_t count,
                                       char folder[PATH_MAX])
{
    bool is_brief = lmm_run_options_are_brief(&run->options);

    return (struct lmm_run_report) {
        .argv = run->options.argv,
        .ending = &run->ending,
        .processes = processes,
        .process_count = count,
        .unseen = &run->books.unseen,
        .suppressions = &run->options.losses.suppressions,
        .symbols = run->symbols,
        .bounds = lmm_extent_options_bounds(&run->options.extent, is_brief),
        .look = lmm_extent_options_look(&run->options.extent, is_brief, folder),
        .shown_classes = run->options.losses.shown_classes,
        .error_classes = run->options.error_classes,
        .gate = run->options.gate,
        .has_gate = run->options.error_exitcode != 0,
        .has_baseline = run->options.has_baseline,
        .leaks_only = run->options.leaks_only,
        .generates = run->options.generates,
    };
}

/* Writes one report of `count` processes to the output; returns an exit status. */
static int write_report(const struct run *run, const struct lmm_run_report_process *processes,
                        size_t count, const char *path)
{
    struct lmm_output output;
    char folder[PATH_MAX];
    struct lmm_run_report report = report_of(run, processes, count, folder);

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

    for (size_t i = 0; i < run->books.count && status == LMM_EXIT_DONE; i++) {
        char *path = lmm_run_output_path(run->options.output, processes[i].model->pid);

        status = path == NULL ? LMM_EXIT_FAILED : write_report(run, &processes[i], 1, path);
        free(path);
    }
    return status;
}

/* Makes the hints of the program for the text and for JSON; returns false when memory ran out. */
static bool find_hints(struct run *run, const struct lmm_model *model)
{
    const struct lmm_run_options *options = &run->options;
    bool is_shown =
        options->format->kind == LMM_FORMAT_TEXT || options->format->kind == LMM_FORMAT_JSON;
    bool has_hints =
        is_shown && !options->leaks_only && !options->no_hints && model->other_malloc.bytes == 0;

    return !has_hints ||
           lmm_diet_make_brief(model, run->symbols, options->select.types, &run->diet);
}

static void fill_process(struct lmm_run_book *book, struct lmm_run_report_process *process)
{
    *process = (struct lmm_run_report_process) {
        .model = book->snapshot->model,
        .spots = &book->spots,
        .is_program = book->is_program,
        .is_live = lmm_run_book_is_live(book),
        .has_status = book->has_status,
        .status = book->status,
        .became = book->became,
        .has_own_lmm = book->has_own_lmm,
        .own_ledger = book->own_ledger,
        .obstacle = book->became == NULL ? NULL : lmm_preload_obstacle(book->became),
    };
}

/* Makes run->processes; false: out of memory. */
static bool list_processes(struct run *run)
{
    run->processes = calloc(run->books.count, sizeof(*run->processes));
    for (size_t i = 0; i < run->books.count && run->processes != NULL; i++) {
        fill_process(&run->books.items[i], &run->processes[i]);
        run->processes[i].timeline =
            lmm_run_timeline(run->sampler, &run->books, &run->books.items[i]);
        if (run->processes[i].is_program && run->diet.model == NULL) {
            if (!find_hints(run, run->processes[i].model)) {
                return false;
            }
            run->processes[i].diet = &run->diet;
        }
    }
    return run->processes != NULL;
}

/* Writes the pages of --html. */
static int write_pages(const struct run *run)
{
    char folder[PATH_MAX];
    const struct lmm_run_report report = report_of(run, run->processes, run->books.count, folder);
    const struct lmm_run_pages pages = pages_of(run, &report);

    return run->options.html == NULL ? LMM_EXIT_DONE : lmm_run_pages_write(&pages);
}

static int write_reports(const struct run *run)
{
    return lmm_run_output_is_split(run->options.output)
               ? write_split(run, run->processes)
               : write_report(run, run->processes, run->books.count, run->options.output);
}

/* Puts the report of a program that left no ledger: a line, or a document of a check for leaks. */
static int render_none(const struct run *run, struct lmm_output *output, const char *obstacle,
                       const char *words)
{
    struct lmm_unseen_process process = {(uint32_t) run->ending.pid, run->options.argv[0], words};
    struct lmm_unseen unseen = {.has_children = true, .processes = &process, .process_count = 1};
    struct lmm_run_report report;
    char folder[PATH_MAX];

    if (run->options.format->kind == LMM_FORMAT_CHECK) {
        report = report_of(run, NULL, 0, folder);
        report.unseen = &unseen;
        return render(run, &report, output);
    }
    lmm_sink_puts(&output->sink, "LMM: leak check of ");
    lmm_put_string(&output->sink, lmm_model_last_component(lmm_string_of(run->options.argv[0])));
    lmm_sink_printf(&output->sink, " (pid %ld): not done: ", (long) run->ending.pid);
    lmm_sink_printf(&output->sink, "%s%s\n", obstacle == NULL ? "it did not load LMM; " : "",
                    words);
    return 0;
}

/* Writes the report of a program that left no ledger where the report goes. */
static int write_none(const struct run *run)
{
    const char *program = run->options.argv[0];
    const char *obstacle = lmm_preload_obstacle(program);
    const char *words = obstacle == NULL ? "is it statically linked or set-user-ID?" : obstacle;
    enum lmm_format_kind kind = run->options.format->kind;
    struct lmm_output output;

    if (kind != LMM_FORMAT_CHECK && (kind != LMM_FORMAT_TEXT || !run->options.leaks_only)) {
        lmm_complain("%s did not load LMM: %s", program, words);
        return LMM_EXIT_DONE;
    }
    char *path = run->options.output == NULL
                     ? NULL
                     : lmm_run_output_path(run->options.output, (uint32_t) run->ending.pid);

    if (run->options.output == NULL) {
        lmm_output_open_stderr(&output);
    } else if (path == NULL || !lmm_output_open(&output, path, 0666)) {
        free(path);
        return LMM_EXIT_FAILED;
    }
    int error = render_none(run, &output, obstacle, words);

    if (output.sink.error == 0) {
        output.sink.error = error;
    }
    free(path);
    return lmm_output_close(&output);
}

/* Text and JSON say it themselves. */
static void complain_about_losses(const struct run *run)
{
    for (size_t i = 0; i < run->books.count && run->options.format->kind == LMM_FORMAT_DATA; i++) {
        lmm_snapshot_tell_loss(run->books.items[i].snapshot);
    }
}

static void complain_about_others(const struct run *run)
{
    for (size_t i = 0; i < run->books.count; i++) {
        lmm_snapshot_tell_other_malloc(run->books.items[i].snapshot);
    }
}

static void complain_about_unseen(const struct run *run)
{
    const struct lmm_unseen *unseen = &run->books.unseen;
    uint64_t without = unseen->unknown + unseen->process_count;

    if (run->options.format->kind != LMM_FORMAT_DATA) {
        return;
    }
    if (unseen->started > 0) {
        lmm_complain("%" PRIu64 " %s started, not traced: --children", unseen->started,
                     lmm_plural(unseen->started, "process", "processes"));
    }
    if (without > 0) {
        lmm_complain("%" PRIu64 " %s started, which did not load LMM", without,
                     lmm_plural(without, "process", "processes"));
    }
    if (unseen->running_count > 0) {
        lmm_complain("%zu %s still running: --wait", unseen->running_count,
                     lmm_plural(unseen->running_count, "process", "processes"));
    }
}

static void tell_paths(const struct run *run)
{
    for (size_t i = 0; i < run->books.count; i++) {
        lmm_complain("ledger of %" PRIu32 ": %s", run->books.items[i].snapshot->model->pid,
                     run->books.items[i].path);
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Writes the reports of all ledgers. */
static int report_books(struct run *run)
{
    if (name_and_group(run) != 0 || !list_processes(run)) {
        lmm_complain("%s", strerror(ENOMEM));
        return LMM_EXIT_FAILED;
    }
    int status = write_reports(run);
    int pages = write_pages(run);

    complain_about_others(run);
    complain_about_losses(run);
    complain_about_unseen(run);
    return status != LMM_EXIT_DONE ? status : pages;
}

static bool any_is_live(const struct run *run)
{
    for (size_t i = 0; i < run->books.count; i++) {
        if (lmm_run_book_is_live(&run->books.items[i])) {
            return true;
        }
    }
    return false;
}

/* Returns the status of lmm. Only --error-exitcode changes that of a program that ran, and only 0: a
 * gate must not let pass what was not checked. */
static int status_of(const struct run *run, bool is_reported)
{
    int status = lmm_ending_status(&run->ending);
    char words[LMM_GATE_WORDS];
    char folder[PATH_MAX];

    if (status != 0 || run->options.error_exitcode == 0) {
        return status;
    }
    if (run->processes == NULL) { /* a line said why */
        return LMM_RUN_FAILED;
    }
    struct lmm_run_report report = report_of(run, run->processes, run->books.count, folder);

    switch (lmm_gate_judge(&report, words)) {
    case LMM_GATE_PASSED: return is_reported ? 0 : (int) LMM_RUN_FAILED;
    case LMM_GATE_FAILED: return run->options.error_exitcode;
    default: lmm_complain("not checked for leaks: %s", words); return LMM_RUN_FAILED;
    }
}

/* Reports the ledgers that the program left. Returns an exit status; sets *ret_keep if they must
 * stay. */
static int report(struct run *run, bool *ret_keep)
{
    lmm_large_pages_use();
    bool good = lmm_run_books_read(&run->folder, &run->ending, run->ends, run->end_count,
                                   run->options.children, &run->books);

    if (run->books.count > 0) {
        good = report_books(run) == LMM_EXIT_DONE && good;
    } else if (good) {
        good = write_none(run) == LMM_EXIT_DONE;
    }
    *ret_keep = run->options.keep || !good || any_is_live(run);
    if (*ret_keep) {
        tell_paths(run);
    }
    return status_of(run, good);
}

static void forget(struct run *run)
{
    lmm_diet_free(&run->diet);
    lmm_run_books_free(&run->books);
    free(run->ends);
    lmm_symbols_close(run->symbols);
    lmm_keeper_close(run->keeper);
    lmm_sampler_close(run->sampler);
    lmm_suppressions_free(&run->options.losses.suppressions);
    lmm_baseline_free(&run->options.baseline);
    lmm_select_free(&run->options.select);
    free(run->processes);
}

static int run_in_folder(struct run *run)
{
    bool keep = false;
    int status = LMM_RUN_FAILED;

    run->keeper = lmm_keeper_open(&run->folder, run->options.argv[0]);
    if (lmm_run_options_sample(&run->options)) {
        run->sampler = lmm_sampler_open(&run->folder, run->options.sample_ms * LMM_NS_PER_MS,
                                        run->options.children);
    }
    if (launch(run)) {
        status = lmm_ending_status(&run->ending);
        if (run->ending.exec_errno != 0) {
            lmm_complain("%s: %s", run->options.argv[0], strerror(run->ending.exec_errno));
        } else {
            status = report(run, &keep);
        }
    }
    bool is_awaited = run->options.children && run->books.unseen.running_count > 0;

    lmm_run_folder_end(&run->folder, keep, is_awaited);
    return status;
}

int lmm_cmd_run(int argc, char **argv)
{
    struct run run = {.folder = {NULL, NULL, -1}};
    int status = LMM_RUN_FAILED;

    lmm_run_options_read(argc, argv, &run.options);
    if (can_report(&run.options) && lmm_run_folder_make(&run.folder)) {
        status = run_in_folder(&run);
    }
    forget(&run);
    return status;
}
