/* SPDX-License-Identifier: MIT */
/*
 * cmd_watch: `lmm watch [PID|NAME]`: prints a line of changes for each interval, and at the end the
 * rows that grew steadily (growth.h, watch_print.h). It ends after --for, on SIGINT or SIGTERM, or when the
 * process ends. Intervals start at fixed times, so they do not drift; those that this program
 * missed are skipped.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "reporter/program/base/command_line.h"
#include "reporter/program/base/clock.h"
#include "reporter/core/model.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/change/growth.h"
#include "reporter/program/change/watch_print.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/merge.h"
#include "reporter/program/report/numbers.h"
#include "reporter/program/report/row_options.h"
#include "reporter/program/report/site_word.h"
#include "reporter/program/symbols/gap_note.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"
#include "reporter/program/symbols/wrapper_list.h"
#include "reporter/core/words.h"

#define EVERY_MIN_NS UINT64_C(10000000)

enum {
    TOP_SITES = 20,
    FAILURES_MAX = 5, /* readings in a row */
};

struct options {
    struct lmm_select select; /* --type */
    struct lmm_row_options rows;
    const struct lmm_format *format;
    const char *word;
    uint64_t every_ns;
    uint64_t for_ns; /* 0: no limit */
    size_t top;
};

struct reading {
    struct lmm_snapshot *snapshot;
    struct lmm_merge merge; /* of its sites */
};

struct watch {
    struct options options;
    char *path;
    struct reading last;
    struct lmm_symbols *symbols;
    struct lmm_numbers ids; /* of rows, the same in all readings */
    struct lmm_growth *growth;
    uint64_t first_bytes;
    uint64_t start_ns; /* CLOCK_MONOTONIC at the first reading; last_ns: at the last */
    uint64_t last_ns;
    size_t readings;
    size_t failures;
    struct lmm_watch_print print;
    bool over;
    struct lmm_reason reason; /* why it is over; may be empty */
};

static volatile sig_atomic_t stopped;

/* ---- Command line ---------------------------------------------------------------------------- */

static const struct argp_option option_list[] = {
    {"every", 'e', "TIME", 0, "Read every TIME: 500ms, 1s (the default), 2m, 1h; at least 10ms", 0},
    {"for", 'f', "TIME", 0, "End after TIME; the default is to go on until interrupted", 0},
    {"top", 't', "N", 0, "Show at most N growing rows (default: 20)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->rows;
        state->child_inputs[1] = &options->format;
        state->child_inputs[2] = &options->word;
        state->child_inputs[4] = &options->select;
        return 0;
    case 'e':
        options->every_ns = lmm_parse_time(argument, state);
        if (options->every_ns < EVERY_MIN_NS) {
            argp_error(state, "--every needs a time of at least 10ms, not '%s'", argument);
        }
        return 0;
    case 'f': options->for_ns = lmm_parse_time(argument, state); return 0;
    case 't': options->top = lmm_parse_top(argument, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&lmm_row_by_argp, 0, NULL, 0},  {&lmm_format_argp, 0, NULL, 0}, {&lmm_word_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0}, {&lmm_type_argp, 0, NULL, 0},   {0},
};
const struct argp lmm_watch_argp = {
    .options = option_list,
    .parser = parse,
    .args_doc = "[PID|NAME]",
    .doc = "Watch a process: one line of changes per interval, and at the end the lines of the "
           "source that grow steadily, as a leak does, with their rate.",
    .children = children,
};

/* ---- Reading --------------------------------------------------------------------------------- */

static void end(struct watch *watch, const char *reason)
{
    watch->over = true;
    lmm_reason_set(&watch->reason, "%s", reason);
}

static void check_state(struct watch *watch, const struct lmm_snapshot *snapshot)
{
    static const char lost[] = "its ledger could not grow; the figures are of that moment";
    static const char *const reasons[] = {
        [LMM_PROCESS_LIVE] = NULL,
        [LMM_PROCESS_LOST] = lost,
        [LMM_PROCESS_LOST_ENDED] = lost,
        [LMM_PROCESS_EXITED] = "the process exited, and left live blocks",
        [LMM_PROCESS_KILLED] = "the process was killed; the last figures are as it left them",
        [LMM_PROCESS_REPLACED] = "the process became another program",
        [LMM_PROCESS_SNAPSHOT] = "this is a saved snapshot, which does not change",
        [LMM_PROCESS_UNKNOWN] = NULL,
    };

    if (reasons[snapshot->state] != NULL) {
        end(watch, reasons[snapshot->state]);
    } else if (snapshot->model->process == LMM_MODEL_LOST) {
        end(watch, lost);
    }
}

/* A process that exits without live blocks removes its ledger. Other failures may be temporary. */
static void count_failure(struct watch *watch, const struct lmm_reason *reason)
{
    struct stat status;

    if (stat(watch->path, &status) != 0 && errno == ENOENT) {
        end(watch, "the process exited without live blocks");
    } else if (++watch->failures >= FAILURES_MAX) {
        end(watch, reason->text);
    }
}

static void free_reading(struct reading *reading)
{
    lmm_merge_free(&reading->merge);
    lmm_snapshot_free(reading->snapshot);
    *reading = (struct reading) {.snapshot = NULL};
}

/* Names the sites and makes rows of them; false: out of memory. */
static bool make_rows(struct watch *watch, struct reading *reading)
{
    const struct lmm_row_options *rows = &watch->options.rows;
    struct lmm_model *model = reading->snapshot->model;

    if (!lmm_types_apply(&watch->symbols, 0, model)) {
        return false;
    }
    lmm_select_filter_types(&watch->options.select, model);
    return (rows->site == NULL || lmm_site_word_keep(rows->site, model) != SIZE_MAX) &&
           lmm_merge_sites(model, rows->by, &watch->ids, &reading->merge);
}

/* Makes reading, whose rows are made, the last one; false: out of memory. */
static bool add_reading(struct watch *watch, const struct reading *reading, uint64_t time_ns)
{
    assert(time_ns >= watch->start_ns);
    free_reading(&watch->last);
    watch->last = *reading;
    watch->last_ns = time_ns;
    watch->readings++;
    watch->failures = 0;
    return lmm_growth_add(watch->growth, reading->snapshot->model, time_ns);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Prints what changed between the last reading and this one; false: out of memory. */
static bool put_line(struct watch *watch, const struct reading *reading, uint64_t time_ns)
{
    struct lmm_delta *delta =
        lmm_delta_make(watch->last.snapshot->model, reading->snapshot->model, NULL, true);

    if (delta == NULL) {
        return false;
    }
    lmm_watch_print_line(&watch->print, delta, time_ns - watch->start_ns, time_ns - watch->last_ns);
    lmm_delta_free(delta);
    return true;
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Prints the end of the watch, and which rows grow steadily. Returns 0 or -ENOMEM. */
static int put_end(struct watch *watch)
{
    const struct lmm_model *model = watch->last.snapshot->model;
    struct lmm_growing *growing = NULL;
    size_t count = lmm_growth_steady(watch->growth, model, &growing);
    char *notes[LMM_GAP_NOTES_MAX];
    size_t note_count = watch->print.is_json ? 0 : lmm_gap_notes_texts(watch->symbols, 1, notes);
    struct lmm_watch_end end = {
        .reason = watch->over ? watch->reason.text : NULL,
        .model = model,
        .first_bytes = watch->first_bytes,
        .passed_ns = watch->last_ns - watch->start_ns,
        .readings = watch->readings,
        .moments = lmm_growth_moments(watch->growth),
        .row_word = lmm_row_options_words(watch->options.rows.by),
        .has_ids = watch->options.rows.by == LMM_BY_LINE,
        .note = note_count > 0 ? notes[0] : NULL,
        .growing = growing,
        .count = count,
        .top = watch->options.top,
    };
    bool done = count != SIZE_MAX && lmm_watch_print_end(&watch->print, &end);

    free(note_count > 0 ? notes[0] : NULL);
    free(growing);
    return done ? 0 : -ENOMEM;
}

/* ---- The watch ------------------------------------------------------------------------------- */

static void stop(int signal)
{
    (void) signal;
    stopped = 1;
}

/* No SA_RESTART: a signal must end the sleep. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void sleep_until(uint64_t time_ns)
{
    struct timespec until = lmm_ns_timespec(time_ns);

    while (!stopped && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

/* Makes a reading and prints its line. Returns 0 or -ENOMEM. */
static int read_again(struct watch *watch)
{
    struct lmm_reason reason;
    struct lmm_snapshot *snapshot = lmm_snapshot_try(watch->path, &reason);
    uint64_t time_ns = lmm_clock_ns(CLOCK_MONOTONIC);

    if (snapshot == NULL) {
        count_failure(watch, &reason);
        return 0;
    }
    if (!lmm_snapshot_same_process(watch->last.snapshot, snapshot)) {
        lmm_snapshot_free(snapshot);
        end(watch, "another process has its ledger there now");
        return 0;
    }
    check_state(watch, snapshot);
    struct reading reading = {.snapshot = snapshot};

    if (!make_rows(watch, &reading) || !put_line(watch, &reading, time_ns)) {
        free_reading(&reading);
        return -ENOMEM;
    }
    return add_reading(watch, &reading, time_ns) ? 0 : -ENOMEM;
}

/* Returns 0, -ENOMEM, or -errno if stdout cannot be written. */
static int run(struct watch *watch)
{
    const struct options *options = &watch->options;
    uint64_t next_ns = watch->start_ns;
    uint64_t end_ns = options->for_ns == 0 ? UINT64_MAX : watch->start_ns + options->for_ns;
    int error = 0;

    lmm_watch_print_start(&watch->print);
    while (error == 0 && !watch->over && !stopped && fflush(stdout) == 0) {
        uint64_t now = lmm_clock_ns(CLOCK_MONOTONIC);

        next_ns += (1 + (now - next_ns) / options->every_ns) * options->every_ns;
        if (next_ns > end_ns) {
            break;
        }
        sleep_until(next_ns);
        error = stopped ? 0 : read_again(watch);
    }
    error = error != 0 ? error : put_end(watch);
    if (error == 0 && fflush(stdout) != 0) {
        error = -errno;
    }
    return error;
}

/* Says at the start that the readings will be too few for a verdict. */
static void warn_of_few_readings(const struct options *options)
{
    uint64_t readings = options->for_ns / options->every_ns + 1;
    double needed = (double) options->every_ns * (LMM_GROWTH_MOMENTS_MIN - 1);

    if (options->for_ns != 0 && readings < LMM_GROWTH_MOMENTS_MIN) {
        struct lmm_model_word word = lmm_row_options_words(options->rows.by);

        lmm_complain("%" PRIu64 " %s will be too few to tell which %s grow steadily: %d need "
                     "--for %gs",
                     readings, lmm_plural(readings, "reading", "readings"), word.many,
                     (int) LMM_GROWTH_MOMENTS_MIN, needed / (double) LMM_NS_PER_SECOND);
    }
}

/* Makes the first reading; false after a message on stderr. */
static bool read_first(struct watch *watch, struct lmm_snapshot *snapshot)
{
    struct lmm_row_options *rows = &watch->options.rows;
    struct reading first = {.snapshot = snapshot};
    struct lmm_model *model = snapshot->model;

    watch->start_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    watch->first_bytes = model->total.live_bytes;
    watch->growth = lmm_growth_new();
    if (watch->growth == NULL || !lmm_types_apply(&watch->symbols, 0, model)) {
        lmm_complain("out of memory");
        lmm_snapshot_free(snapshot);
        return false;
    }
    lmm_select_filter_types(&watch->options.select, model);
    lmm_row_options_choose(rows, watch->print.is_json ? LMM_BY_LINE : lmm_row_options_usual(model));
    if (!lmm_row_options_apply(rows, model, &watch->ids, &first.merge)) {
        lmm_snapshot_free(snapshot);
        return false;
    }
    watch->print.names_rows = rows->by != LMM_BY_FAMILY &&
                              (rows->has_by || (model->is_drop_in && model->stack_frames > 0));
    return add_reading(watch, &first, watch->start_ns);
}

static int start(struct watch *watch)
{
    watch->path = lmm_discover_path(watch->options.word);
    struct lmm_snapshot *first = watch->path == NULL ? NULL : lmm_snapshot_read(watch->path);

    if (first == NULL) {
        return LMM_EXIT_FAILED;
    }
    check_state(watch, first);
    if (watch->over) {
        lmm_complain("%s: nothing to watch: %s", watch->path, watch->reason.text);
        lmm_snapshot_free(first);
        return LMM_EXIT_FAILED;
    }
    if (!read_first(watch, first)) {
        return LMM_EXIT_FAILED;
    }
    warn_of_few_readings(&watch->options);
    return LMM_EXIT_DONE;
}

int lmm_cmd_watch(int argc, char **argv)
{
    struct watch watch = {.options = {.every_ns = LMM_NS_PER_SECOND, .top = TOP_SITES}};

    watch.options.format = lmm_format_find("text");
    lmm_command_line_read(&lmm_watch_argp, argc, argv, 0, &watch.options);
    catch_signals();
    watch.print.is_json = watch.options.format->kind == LMM_FORMAT_JSON;
    int status = start(&watch);

    if (status == LMM_EXIT_DONE) {
        int error = run(&watch);

        if (error != 0 && error != -EPIPE) { /* its reader is gone: that ends a watch */
            lmm_complain("%s", strerror(-error));
            status = LMM_EXIT_FAILED;
        }
    }
    free_reading(&watch.last);
    lmm_symbols_close(watch.symbols);
    lmm_numbers_free(&watch.ids);
    lmm_growth_free(watch.growth);
    lmm_select_free(&watch.options.select);
    free(watch.path);
    return status;
}
