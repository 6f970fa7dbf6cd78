/* SPDX-License-Identifier: MIT */
/*
 * cmd_watch: `lmm watch [PID|NAME]`: prints a line of changes for each interval, and at the end the
 * sites that grew steadily (growth.h). It ends after --for, on SIGINT or SIGTERM, or when the
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

#include "reporter/program/base/clock.h"
#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/change/growth.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/names.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/symbols/wrapper_list.h"
#include "reporter/core/words.h"

#define EVERY_MIN_NS UINT64_C(10000000)

enum {
    TOP_SITES = 20,
    FAILURES_MAX = 5, /* readings in a row */
    RATE_SMALL = 10,  /* bytes per second; a lower rate is shown with a decimal */
    SECONDS_PER_HOUR = 3600,
};

struct options {
    const char *word;
    uint64_t every_ns;
    uint64_t for_ns; /* 0: no limit */
    size_t top;
};

struct watch {
    struct options options;
    char *path;
    struct lmm_snapshot *last;
    struct lmm_growth *growth;
    uint64_t first_bytes;
    uint64_t start_ns; /* CLOCK_MONOTONIC at the first reading; last_ns: at the last */
    uint64_t last_ns;
    size_t readings;
    size_t failures;
    struct lmm_sink sink; /* to stdout */
    struct lmm_grid lines;
    bool over;
    struct lmm_reason reason; /* why it is over; may be empty */
};

static volatile sig_atomic_t stopped;

/* ---- Command line ---------------------------------------------------------------------------- */

static const struct argp_option option_list[] = {
    {"every", 'e', "TIME", 0, "Read every TIME: 500ms, 1s (the default), 2m, 1h; at least 10ms", 0},
    {"for", 'f', "TIME", 0, "End after TIME; the default is to go on until interrupted", 0},
    {"top", 't', "N", 0, "Show at most N growing sites (default: 20)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &options->word; return 0;
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
    {&lmm_word_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = option_list,
    .parser = parse,
    .args_doc = "[PID|NAME]",
    .doc = "Watch a process: one line of changes per interval, and at the end the sites that grow "
           "steadily, as a leak does, with their rate.",
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

/* Makes snapshot the last reading; false: out of memory. */
static bool add_reading(struct watch *watch, struct lmm_snapshot *snapshot, uint64_t time_ns)
{
    assert(time_ns >= watch->start_ns);
    lmm_snapshot_free(watch->last);
    watch->last = snapshot;
    watch->last_ns = time_ns;
    watch->readings++;
    watch->failures = 0;
    return lmm_growth_add(watch->growth, snapshot->model, time_ns);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* A lmm_sink_write_fn; a write that fails sets the error indicator of stdout. */
static int to_stdout(void *context, const char *data, size_t bytes)
{
    (void) context;
    fwrite(data, 1, bytes, stdout);
    return 0;
}

static double seconds(uint64_t ns)
{
    return (double) ns / (double) LMM_NS_PER_SECOND;
}

/* Returns events per second; 0 if the counter went back, which only a damaged ledger does. */
static uint64_t rate_of(struct lmm_change change, uint64_t ns)
{
    int64_t growth = lmm_change_growth(change);

    return growth <= 0 ? 0 : (uint64_t) ((double) growth / seconds(ns) + 0.5);
}

/* Each line is printed at its reading, so the columns have fixed widths. */
static const struct lmm_grid_column line_columns[] = {
    {.heading = "TIME", .right = true, .width_min = 9},
    {.heading = "LIVE-BYTES", .right = true, .width_min = 19},
    {.heading = "CHANGE", .right = true, .width_min = 15},
    {.heading = "ALLOCS/S", .right = true, .width_min = 11},
    {.heading = "FREES/S", .right = true, .width_min = 11},
    {.heading = "GREW-MOST"},
};

static void start_lines(struct watch *watch)
{
    lmm_sink_init(&watch->sink, to_stdout, NULL);
    lmm_grid_init(&watch->lines, LMM_GRID_COLUMNS(line_columns), 0, &watch->sink);
    lmm_grid_put_headings(&watch->lines);
    lmm_sink_flush(&watch->sink);
}

/* Adds "word_t +4,096", or "-" if no family grew. */
static void add_fastest(struct lmm_grid *lines, const struct lmm_delta *delta)
{
    int64_t growth =
        delta->family_count == 0 ? 0 : lmm_change_growth(delta->families[0].live_bytes);
    char cell[LMM_CELL_BYTES + 1] = " ";

    if (growth <= 0) {
        lmm_grid_text(lines, "-");
        return;
    }
    struct lmm_sink *sink = lmm_grid_begin_cell(lines);
    size_t columns = lmm_put_string(sink, delta->families[0].family);

    lmm_write_change(cell + 1, growth);
    lmm_grid_end_cell(lines, columns + lmm_put_string(sink, lmm_string_of(cell)));
}

/* Prints what changed between the last reading and this one; false: out of memory. */
static bool put_line(struct watch *watch, const struct lmm_snapshot *snapshot, uint64_t time_ns)
{
    struct lmm_delta *delta = lmm_delta_make(watch->last->model, snapshot->model, NULL, false);
    uint64_t passed_ns = time_ns - watch->last_ns;
    char time[LMM_CELL_BYTES];

    if (delta == NULL) {
        return false;
    }
    snprintf(time, sizeof(time), "%.2fs", seconds(time_ns - watch->start_ns));
    lmm_grid_text(&watch->lines, time);
    lmm_grid_count(&watch->lines, delta->total.live_bytes.after);
    lmm_grid_change(&watch->lines, lmm_change_growth(delta->total.live_bytes));
    lmm_grid_count(&watch->lines, rate_of(delta->total.allocations, passed_ns));
    lmm_grid_count(&watch->lines, rate_of(delta->total.frees, passed_ns));
    add_fastest(&watch->lines, delta);
    lmm_grid_end_row(&watch->lines);
    lmm_sink_flush(&watch->sink);
    lmm_delta_free(delta);
    return true;
}

/* ---- The end --------------------------------------------------------------------------------- */

static const struct lmm_grid_column growing_columns[] = {
    {.heading = "BYTES/S", .right = true},
    {.heading = "GREW-BY", .right = true},
    {.heading = "LIVE-BYTES", .right = true},
    {.heading = "FAMILY"},
    {.heading = "ALLOCATED-AT"},
};

static void add_rate(struct lmm_grid *grid, uint64_t bytes_per_hour)
{
    char cell[LMM_CELL_BYTES];
    uint64_t tenths = (bytes_per_hour * 10 + SECONDS_PER_HOUR / 2) / SECONDS_PER_HOUR;

    if (bytes_per_hour < (uint64_t) RATE_SMALL * SECONDS_PER_HOUR) {
        snprintf(cell, sizeof(cell), "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
    } else {
        lmm_write_count(cell, (bytes_per_hour + SECONDS_PER_HOUR / 2) / SECONDS_PER_HOUR);
    }
    lmm_grid_text(grid, cell);
}

static void add_growing(struct lmm_grid *grid, const struct lmm_growing *growing, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct lmm_model_site *site = growing[i].site;
        struct lmm_change change = {growing[i].first_bytes, site->live_bytes};

        add_rate(grid, growing[i].bytes_per_hour);
        lmm_grid_change(grid, lmm_change_growth(change));
        lmm_grid_count(grid, site->live_bytes);
        lmm_grid_string(grid, site->family->name);
        lmm_grid_end_cell(
            grid, lmm_put_place(lmm_grid_begin_cell(grid), site->file, site->line, site->function));
        lmm_grid_end_row(grid);
    }
}

static void put_growing(struct lmm_sink *sink, const struct lmm_growing *growing, size_t count)
{
    struct lmm_grid grid;

    lmm_grid_init(&grid, LMM_GRID_COLUMNS(growing_columns), 0, sink);
    add_growing(&grid, growing, count);
    lmm_grid_put_headings(&grid);
    add_growing(&grid, growing, count);
    lmm_sink_flush(sink);
}

/* Prints which sites grow steadily. Returns 0 or -ENOMEM. */
static int put_verdict(struct watch *watch)
{
    struct lmm_growing *growing = NULL;
    size_t moments = lmm_growth_moments(watch->growth);
    struct lmm_symbols *symbols = NULL;
    bool named = lmm_symbols_apply(&symbols, 0, watch->last->model);
    size_t count = lmm_growth_steady(watch->growth, watch->last->model, &growing);
    size_t shown = count < watch->options.top ? count : watch->options.top;

    if (!named || count == SIZE_MAX) {
        free(growing);
        lmm_symbols_close(symbols);
        return -ENOMEM;
    }
    if (moments < LMM_GROWTH_MOMENTS_MIN) {
        printf("too few readings to tell which sites grow steadily: %zu of %d\n", moments,
               (int) LMM_GROWTH_MOMENTS_MIN);
    } else if (count == 0) {
        puts("no site grows steadily");
    } else {
        printf("%zu %s steadily:\n", count, lmm_plural(count, "site grows", "sites grow"));
        put_growing(&watch->sink, growing, shown);
    }
    if (shown < count) {
        printf("... and %zu more\n", count - shown);
    }
    free(growing);
    lmm_symbols_close(symbols);
    return 0;
}

static int put_end(struct watch *watch)
{
    const struct lmm_model *model = watch->last->model;
    struct lmm_change change = {watch->first_bytes, model->total.live_bytes};
    char *program = lmm_name_escaped(model->program);
    char growth[LMM_CELL_BYTES];

    if (program == NULL) {
        return -ENOMEM;
    }
    lmm_write_change(growth, lmm_change_growth(change));
    if (watch->over) {
        printf("\nended early: %s", watch->reason.text);
    }
    printf("\n%s (pid %" PRIu32 "), %.1f s, %zu %s: live bytes %s\n", program, model->pid,
           seconds(watch->last_ns - watch->start_ns), watch->readings,
           lmm_plural(watch->readings, "reading", "readings"), growth);
    free(program);
    return put_verdict(watch);
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
    if (!lmm_snapshot_same_process(watch->last, snapshot)) {
        lmm_snapshot_free(snapshot);
        end(watch, "another process has its ledger there now");
        return 0;
    }
    check_state(watch, snapshot);
    bool printed = put_line(watch, snapshot, time_ns);

    return add_reading(watch, snapshot, time_ns) && printed ? 0 : -ENOMEM;
}

/* Returns 0, -ENOMEM, or -errno if stdout cannot be written. */
static int run(struct watch *watch)
{
    const struct options *options = &watch->options;
    uint64_t next_ns = watch->start_ns;
    uint64_t end_ns = options->for_ns == 0 ? UINT64_MAX : watch->start_ns + options->for_ns;
    int error = 0;

    start_lines(watch);
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

static int start(struct watch *watch)
{
    watch->path = lmm_discover_path(watch->options.word);
    struct lmm_snapshot *first = watch->path == NULL ? NULL : lmm_snapshot_read(watch->path);

    if (first == NULL) {
        return LMM_EXIT_FAILED;
    }
    watch->start_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    watch->first_bytes = first->model->total.live_bytes;
    watch->growth = lmm_growth_new();
    if (watch->growth == NULL) {
        lmm_snapshot_free(first);
    }
    if (watch->growth == NULL || !add_reading(watch, first, watch->start_ns)) {
        lmm_complain("out of memory");
        return LMM_EXIT_FAILED;
    }
    check_state(watch, first);
    if (watch->over) {
        lmm_complain("%s: nothing to watch: %s", watch->path, watch->reason.text);
        return LMM_EXIT_FAILED;
    }
    return LMM_EXIT_DONE;
}

int lmm_cmd_watch(int argc, char **argv)
{
    struct watch watch = {.options = {.every_ns = LMM_NS_PER_SECOND, .top = TOP_SITES}};
    int status;

    argp_parse(&argp, argc, argv, 0, NULL, &watch.options);
    catch_signals();
    status = start(&watch);
    if (status == LMM_EXIT_DONE) {
        int error = run(&watch);

        if (error != 0 && error != -EPIPE) { /* its reader is gone: that ends a watch */
            lmm_complain("%s", strerror(-error));
            status = LMM_EXIT_FAILED;
        }
    }
    lmm_snapshot_free(watch.last);
    lmm_growth_free(watch.growth);
    free(watch.path);
    return status;
}
