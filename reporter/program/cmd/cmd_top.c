/* SPDX-License-Identifier: MIT */
/* cmd_top: `lmm top [PID|NAME|FILE]`: finds the ledger, then repeats: read it when it is time, show
 * it, wait for a key. */
#include <assert.h>
#include <ctype.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "reporter/program/base/command_line.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/nearest.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/core/model.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/top/top_ask.h"
#include "reporter/program/top/top_json.h"
#include "reporter/program/top/top_layout.h"
#include "reporter/program/top/top_screen.h"
#include "reporter/program/top/top_sheet.h"
#include "reporter/program/top/top_state.h"
#include "reporter/program/symbols/wrapper_list.h"

enum {
    DELAY_MIN_MS = 50,
    DELAY_MAX_MS = 3600 * 1000,
    PLAIN_COLUMNS = 132, /* of --once without a terminal and COLUMNS */
};

struct options {
    struct lmm_select select; /* --type */
    const char *word;         /* the process or file; NULL: the only process, or a list */
    uint64_t delay_ms;
    const struct lmm_top_key *key;      /* of families */
    const struct lmm_top_key *site_key; /* of lines; these two: NULL if that view has it not */
    enum lmm_top_view first;
    const struct lmm_format *format; /* of --once */
    bool once;
    bool all;
};

enum { KEY_BY = 256 };

/* ---- Options --------------------------------------------------------------------------------- */

/* Sets *ret_ms to a time in seconds: "2", "0.25", ".5"; returns false if text is anything else. */
static bool parse_delay(const char *text, uint64_t *ret_ms)
{
    char number[64];
    uint64_t ns = 0;

    if (snprintf(number, sizeof(number), "0%s", text) >= (int) sizeof(number) ||
        !lmm_parse_duration(number, &ns)) {
        return false;
    }
    *ret_ms = ns / LMM_NS_PER_MS;
    return *ret_ms >= DELAY_MIN_MS && *ret_ms <= DELAY_MAX_MS;
}

const char *lmm_top_by_word(size_t index)
{
    static const char *const words[] = {"type", "line", "family"};

    return index < sizeof(words) / sizeof(words[0]) ? words[index] : NULL;
}

static void parse_sort(struct options *options, const char *argument,
                       const struct argp_state *state)
{
    struct lmm_nearest nearest = {.word = argument};

    options->key = lmm_top_key_of_word(LMM_TOP_FAMILIES, argument);
    options->site_key = lmm_top_key_of_word(LMM_TOP_LINES, argument);
    if (options->key != NULL || options->site_key != NULL) {
        return;
    }
    for (size_t i = 0; lmm_top_sort_word(i) != NULL; i++) {
        lmm_nearest_look_text(&nearest, lmm_top_sort_word(i));
    }
    argp_error(state, "unknown sort key '%s'%s", argument,
               lmm_nearest_hint(&nearest, " (see --help)"));
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->word;
        state->child_inputs[1] = &options->format;
        state->child_inputs[3] = &options->select;
        return 0;
    case ARGP_KEY_END:
        if (options->format->kind != LMM_FORMAT_TEXT && !options->once) {
            argp_error(state, "--format %s needs --once", options->format->name);
        }
        return 0;
    case 'd':
        if (!parse_delay(argument, &options->delay_ms)) {
            argp_error(state, "--delay needs a number of seconds from 0.05 to 3600, not '%s'",
                       argument);
        }
        return 0;
    case 'o': lmm_complain("-o will name a file; use -1 or --once"); __attribute__((fallthrough));
    case '1': options->once = true; return 0;
    case 's': parse_sort(options, argument, state); return 0;
    case KEY_BY: {
        static const enum lmm_top_view views[] = {LMM_TOP_TYPES, LMM_TOP_LINES, LMM_TOP_FAMILIES};

        options->first = views[lmm_option_word_parse("--by", argument, lmm_top_by_word, state)];
        return 0;
    }
    case 'a': options->all = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Puts the table of sort keys at the end of --help. */
static char *add_keys(int key, const char *text, void *input)
{
    const struct lmm_top_key *order = lmm_top_keys(LMM_TOP_FAMILIES);
    size_t bytes = 0;
    char *list = NULL;
    FILE *file;

    (void) input;
    if (key != ARGP_KEY_HELP_POST_DOC) {
        return (char *) (uintptr_t) text; /* argp prints the returned text unchanged */
    }
    file = open_memstream(&list, &bytes);
    if (file == NULL) {
        return NULL;
    }
    fprintf(file, "%s\n\nSort keys, by letter or by name:\n", text == NULL ? "" : text);
    for (; order->name != NULL; order++) {
        fprintf(file, "  %c, %-12s %s\n", order->letter, order->name, order->summary);
    }
    fclose(file);
    return list;
}

static const struct argp_option option_table[] = {
    {"delay", 'd', "SECONDS", 0, "Read again every SECONDS (1; fractions allowed)", 0},
    {"once", '1', NULL, 0, "Print one screen as text and exit", 0},
    {NULL, 'o', NULL, OPTION_HIDDEN, NULL, 0}, /* its letter until 1.0 */
    {"sort", 's', "KEY", 0, "Order of the lines and families (bytes)", 0},
    {"by", KEY_BY, "WORD", 0,
     "Open with a row for each type (the default where at least half of the bytes have one), line "
     "(else, if the program has call stacks) or family",
     0},
    {"all", 'a', NULL, 0, "Show rows of zeros, too", 0},
    {0},
};

static const struct argp_child children[] = {
    {&lmm_word_argp, 0, NULL, 0},
    {&lmm_format_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0},
    {&lmm_type_argp, 0, NULL, 0},
    {0},
};
const struct argp lmm_top_argp = {
    .options = option_table,
    .parser = parse,
    .args_doc = "[PID|NAME|FILE]",
    .doc = "Show the memory of a process, by family and by site, as it changes."
           "\vWithout an argument: the only live process, or a list to choose from.",
    .children = children,
    .help_filter = add_keys,
};

/* ---- The ledger ------------------------------------------------------------------------------ */

/* Reads the live bytes of all live processes. */
static void read_bytes(struct lmm_top *top)
{
    free(top->ledger_bytes);
    top->ledger_bytes = calloc(top->ledgers.count + 1, sizeof(*top->ledger_bytes));
    for (size_t i = 0; top->ledger_bytes != NULL && i < top->ledgers.count; i++) {
        struct lmm_reason reason;
        bool runs = lmm_process_runs(top->ledgers.entry[i].state);
        struct lmm_snapshot *snapshot =
            runs ? lmm_snapshot_try(top->ledgers.entry[i].path, &reason) : NULL;

        top->ledger_bytes[i] =
            snapshot == NULL ? -1 : lmm_top_figure_of(snapshot->model->total.live_bytes);
        lmm_snapshot_free(snapshot);
    }
}

static void list_processes(struct lmm_top *top)
{
    lmm_top_rows_close(&top->rows); /* they refer to the ledgers */
    lmm_discover_free(&top->ledgers);
    top->ledgers = lmm_discover_list();
    read_bytes(top);
    top->wall_ns = lmm_clock_ns(CLOCK_REALTIME);
}

static void read_process(struct lmm_top *top)
{
    lmm_top_rows_close(&top->rows); /* they refer to the last reading */
    top->placed = 0;
    top->now_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    if (lmm_top_source_read(&top->source, &top->history, top->now_ns)) {
        lmm_top_take_reading(top);
    }
}

/* Starts to watch the ledger at path; takes ownership of path. */
static bool watch(struct lmm_top *top, char *path)
{
    top->source.path = path;
    lmm_top_cursor_home(&top->table[LMM_TOP_FAMILIES].cursor);
    lmm_top_cursor_home(&top->table[LMM_TOP_LINES].cursor);
    lmm_top_cursor_home(&top->table[LMM_TOP_TYPES].cursor);
    read_process(top);
    top->view = lmm_top_first_view(top);
    return top->source.snapshot != NULL;
}

static void stop_watching(struct lmm_top *top)
{
    lmm_top_rows_close(&top->rows);
    lmm_top_history_close(&top->history);
    lmm_top_source_close(&top->source);
    top->view = LMM_TOP_PROCESSES;
}

/* Whether several live processes match word, so that a list comes first. */
static bool needs_list(struct lmm_top *top, const char *word)
{
    if (word != NULL && (strchr(word, '/') != NULL || isdigit((unsigned char) *word))) {
        return false;
    }
    top->program = word;
    list_processes(top);
    lmm_top_update(top);
    return top->rows.count > 1;
}

static int begin(struct lmm_top *top, const struct options *options)
{
    char *path;

    if (!options->once && needs_list(top, options->word)) {
        top->has_list = true;
        return LMM_EXIT_DONE;
    }
    path = lmm_discover_path(options->word);
    if (path == NULL) {
        return LMM_EXIT_FAILED;
    }
    if (!watch(top, path)) {
        lmm_complain("%s: %s", path, top->source.trouble.text);
        return LMM_EXIT_FAILED;
    }
    return LMM_EXIT_DONE;
}

/* ---- Once ------------------------------------------------------------------------------------ */

static size_t plain_columns(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int number = columns == NULL ? 0 : atoi(columns);

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return number > 0 && number <= 1000 ? (size_t) number : PLAIN_COLUMNS;
}

static int print_sheet(const struct lmm_top_sheet *sheet)
{
    for (size_t i = 0; i < sheet->used; i++) {
        const char *text = sheet->line[i].text;
        size_t bytes = sheet->line[i].bytes;

        while (bytes > 0 && text[bytes - 1] == ' ') {
            bytes--;
        }
        fwrite(text, 1, bytes, stdout);
        putchar('\n');
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE) {
        lmm_complain("cannot write to standard output");
        return LMM_EXIT_FAILED;
    }
    return LMM_EXIT_DONE;
}

static int print_json(struct lmm_top *top)
{
    struct lmm_output output;

    if (top->first == LMM_TOP_PROCESSES && top->view == LMM_TOP_TYPES) {
        top->view = LMM_TOP_LINES; /* what a document has does not depend on the program */
    }
    if (!lmm_top_update(top)) {
        lmm_complain("out of memory");
        return LMM_EXIT_FAILED;
    }
    lmm_output_open(&output, NULL, 0);
    lmm_top_json(top, &output.sink);
    return lmm_output_close(&output);
}

static int print_once(struct lmm_top *top, bool utf8)
{
    struct lmm_top_sheet sheet;
    int status = LMM_EXIT_FAILED;

    if (lmm_top_update(top) &&
        lmm_top_sheet_open(&sheet, top->rows.count + LMM_TOP_LAYOUT_HEAD, plain_columns(), utf8)) {
        lmm_top_lay_out(top, &sheet);
        status = print_sheet(&sheet);
        lmm_top_sheet_close(&sheet);
    } else {
        lmm_complain("out of memory");
    }
    return status;
}

/* ---- The loop -------------------------------------------------------------------------------- */

static bool show(struct lmm_top *top, bool utf8)
{
    struct lmm_top_sheet sheet;
    size_t rows;
    size_t columns;

    lmm_top_screen_size(&rows, &columns);
    if (!lmm_top_sheet_open(&sheet, rows, columns, utf8)) {
        return false;
    }
    lmm_top_lay_out(top, &sheet);
    lmm_top_screen_show(&sheet);
    lmm_top_sheet_close(&sheet);
    return true;
}

static void read_again(struct lmm_top *top)
{
    if (top->view == LMM_TOP_PROCESSES) {
        list_processes(top);
    } else {
        read_process(top);
    }
}

/* Opens the process selected in the list; returns to the list if its ledger cannot be read. */
static void open_selected(struct lmm_top *top)
{
    assert(lmm_top_table(top)->cursor.at < top->rows.count);
    const struct lmm_top_row *row = &top->rows.row[lmm_top_table(top)->cursor.at];
    char *path = strdup(row->entry->path);

    if (path == NULL || !watch(top, path)) {
        stop_watching(top);
        list_processes(top);
    }
}

/* Makes a mark, of the process where that is possible; a new reading then has it. */
static void make_mark(struct lmm_top *top)
{
    if (lmm_top_ask_mark(top)) {
        read_process(top);
        if (!top->history.marked) { /* the reading failed */
            lmm_top_mark_here(top, lmm_clock_ns(CLOCK_REALTIME));
        }
    }
}

/* Makes a leak check, which may take a while. */
static bool make_check(struct lmm_top *top, bool utf8)
{
    lmm_reason_set(&top->message, "asking the process for a leak check ...");
    bool is_shown = show(top, utf8);

    top->message.text[0] = '\0';
    if (lmm_top_ask_check(top)) {
        read_process(top);
    }
    return is_shown;
}

/* Does what a key asks for; returns false to end. */
static bool answer(struct lmm_top *top, bool utf8, enum lmm_top_answer asked, uint64_t *next_ns)
{
    switch (asked) {
    case LMM_TOP_QUIT: return false;
    case LMM_TOP_OPEN:
        open_selected(top);
        *next_ns = top->now_ns + top->delay_ms * LMM_NS_PER_MS;
        break;
    case LMM_TOP_LIST:
        stop_watching(top);
        *next_ns = 0;
        break;
    case LMM_TOP_READ: /* not at every repetition of a key that is held down */
        if (lmm_clock_ns(CLOCK_MONOTONIC) - top->now_ns >= DELAY_MIN_MS * LMM_NS_PER_MS) {
            *next_ns = 0;
        }
        break;
    case LMM_TOP_MARK: make_mark(top); break;
    case LMM_TOP_CHECK: return make_check(top, utf8);
    case LMM_TOP_GO_ON: break;
    }
    return true;
}

/* Returns the signal that ended the loop, or 0. */
static int loop(struct lmm_top *top, bool utf8)
{
    uint64_t next_ns = lmm_clock_ns(CLOCK_MONOTONIC) + top->delay_ms * LMM_NS_PER_MS;
    struct lmm_top_event event = {.over = false};
    bool going = true;

    while (going && !event.over) {
        uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);

        if (now_ns >= next_ns) {
            top->now_ns = now_ns;
            read_again(top);
            next_ns = now_ns + top->delay_ms * LMM_NS_PER_MS;
        }
        going = lmm_top_update(top) && show(top, utf8);
        now_ns = lmm_clock_ns(CLOCK_MONOTONIC);
        event = lmm_top_screen_wait(next_ns > now_ns ? next_ns - now_ns : 0);
        if (event.key != LMM_TOP_KEY_NONE) {
            going = going && answer(top, utf8, lmm_top_press(top, event.key), &next_ns);
        }
    }
    return event.signal;
}

static int run_screen(struct lmm_top *top, bool utf8)
{
    int signal;

    if (!lmm_top_screen_open()) {
        return LMM_EXIT_FAILED;
    }
    signal = loop(top, utf8);
    lmm_top_screen_close();
    if (signal != 0 && signal != SIGINT) {
        raise(signal); /* so that the parent learns of it */
    }
    return LMM_EXIT_DONE;
}

int lmm_cmd_top(int argc, char **argv)
{
    struct options options = {.delay_ms = 1000, .format = lmm_format_find("text")};
    struct lmm_top top;
    bool utf8;
    int status;

    lmm_command_line_read(&lmm_top_argp, argc, argv, 0, &options);
    utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    lmm_top_init(&top, LMM_TOP_PROCESSES);
    top.delay_ms = options.delay_ms;
    top.once = options.once;
    top.all = options.all;
    top.first = options.first;
    top.source.select = &options.select;
    if (options.key != NULL) {
        top.table[LMM_TOP_FAMILIES].key = options.key;
    }
    if (options.site_key != NULL) {
        top.table[LMM_TOP_LINES].key = options.site_key;
        top.table[LMM_TOP_TYPES].key = options.site_key;
    }
    status = begin(&top, &options);
    if (status == LMM_EXIT_DONE) {
        bool is_text = options.format->kind == LMM_FORMAT_TEXT;

        status = !is_text       ? print_json(&top)
                 : options.once ? print_once(&top, utf8)
                                : run_screen(&top, utf8);
    }
    lmm_top_close(&top);
    lmm_select_free(&options.select);
    return status;
}
