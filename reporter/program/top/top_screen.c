/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_screen.h"

#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "reporter/program/base/clock.h"
#include "reporter/program/base/program.h"
#include "reporter/program/top/top_sheet.h"
#include "reporter/program/top/top_state.h"
#include "reporter/program/top/top_terminal.h"

enum {
    ESCAPE_MS = 50, /* after this time Esc is a key of its own, not the start of a sequence */
    PAIR_ALARM = 1,
    PAIR_HEADING,
    PAIR_SELECTED,
    PAIR_PROMPT,
};

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

enum {
    ENDING_SIGNALS = sizeof(ending_signals) / sizeof(ending_signals[0]),
};

static struct {
    SCREEN *screen;
    sigset_t old_mask;
    struct sigaction old_action[ENDING_SIGNALS];
    struct sigaction old_stop;
    attr_t style[LMM_TOP_PROMPT + 1];
} terminal;

static volatile sig_atomic_t ended_by;
static volatile sig_atomic_t is_stop_wanted;

/* ---- Signals --------------------------------------------------------------------------------- */

static void note_end(int signal)
{
    ended_by = signal;
}

static void note_stop(int signal)
{
    (void) signal;
    is_stop_wanted = 1;
}

/* An ignored signal stays ignored. */
static void catch_stop(void)
{
    struct sigaction action = {.sa_handler = note_stop};

    sigemptyset(&action.sa_mask);
    if (terminal.old_stop.sa_handler != SIG_IGN) {
        sigaction(SIGTSTP, &action, NULL);
    }
}

/* Called before ncurses would set its own handler for SIGTSTP, which it does not where there is one. While it draws, it
 * ignores the signal then; and the kernel drops a blocked signal that has come before, once it is ignored. */
static void block_signals(void)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGWINCH);
    sigaddset(&mask, SIGTSTP);
    for (size_t i = 0; i < ENDING_SIGNALS; i++) {
        sigaction(ending_signals[i], NULL, &terminal.old_action[i]);
        sigaddset(&mask, ending_signals[i]);
    }
    sigprocmask(SIG_BLOCK, &mask, &terminal.old_mask);
    sigaction(SIGTSTP, NULL, &terminal.old_stop);
    catch_stop();
    ended_by = 0;
    is_stop_wanted = 0;
}

/* Called after ncurses has set its own handlers, which call _exit(). Ignored signals stay
 * ignored. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_end};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ENDING_SIGNALS; i++) {
        if (terminal.old_action[i].sa_handler != SIG_IGN) {
            sigaction(ending_signals[i], &action, NULL);
        }
    }
}

static void restore_signals(void)
{
    for (size_t i = 0; i < ENDING_SIGNALS; i++) {
        sigaction(ending_signals[i], &terminal.old_action[i], NULL);
    }
    sigaction(SIGTSTP, &terminal.old_stop, NULL);
    sigprocmask(SIG_SETMASK, &terminal.old_mask, NULL);
}

/* Handles pending signals. */
static void let_signals_in(void)
{
    sigset_t mask;

    sigprocmask(SIG_SETMASK, &terminal.old_mask, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Stops the process, with the terminal as it was before. When the process goes on, the next sheet is drawn anew, in
 * the size that the terminal has then. */
static void stop(void)
{
    is_stop_wanted = 0;
    endwin();
    sigaction(SIGTSTP, &terminal.old_stop, NULL);
    raise(SIGTSTP);
    let_signals_in();
    catch_stop();
    raise(SIGWINCH);
    clearok(curscr, TRUE);
}

/* Handles signals that have come: ppoll() does that only when there is no input. */
static void take_signals(void)
{
    let_signals_in();
    if (is_stop_wanted) {
        stop();
    }
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static bool is_usable(void)
{
    const char *name = getenv("TERM");

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        lmm_complain("not a terminal; use --once for one screen of text");
        return false;
    }
    if (!lmm_top_terminal_has_screen(name)) {
        lmm_complain("cannot draw on a terminal of type '%s' (TERM); use --once",
                     name == NULL ? "" : name);
        return false;
    }
    return true;
}

static void choose_styles(void)
{
    bool colours = has_colors() && start_color() == OK && COLOR_PAIRS > PAIR_PROMPT;
    short ground;

    terminal.style[LMM_TOP_PLAIN] = A_NORMAL;
    terminal.style[LMM_TOP_TITLE] = A_BOLD;
    terminal.style[LMM_TOP_ALARM] = A_BOLD | A_STANDOUT;
    terminal.style[LMM_TOP_HEADING] = A_BOLD | A_UNDERLINE;
    terminal.style[LMM_TOP_SELECTED] = A_REVERSE;
    terminal.style[LMM_TOP_PROMPT] = A_BOLD;
    if (!colours) {
        return;
    }
    ground = use_default_colors() == OK ? -1 : COLOR_BLACK;
    init_pair(PAIR_ALARM, COLOR_RED, ground);
    init_pair(PAIR_HEADING, COLOR_BLACK, COLOR_GREEN);
    init_pair(PAIR_SELECTED, COLOR_BLACK, COLOR_CYAN);
    init_pair(PAIR_PROMPT, COLOR_CYAN, ground);
    terminal.style[LMM_TOP_ALARM] = (attr_t) COLOR_PAIR(PAIR_ALARM) | A_BOLD;
    terminal.style[LMM_TOP_HEADING] = (attr_t) COLOR_PAIR(PAIR_HEADING);
    terminal.style[LMM_TOP_SELECTED] = (attr_t) COLOR_PAIR(PAIR_SELECTED);
    terminal.style[LMM_TOP_PROMPT] = (attr_t) COLOR_PAIR(PAIR_PROMPT) | A_BOLD;
}

bool lmm_top_screen_open(void)
{
    if (!is_usable()) {
        return false;
    }
    block_signals();
    use_tioctl(TRUE);
    terminal.screen = newterm(NULL, stdout, stdin);
    if (terminal.screen == NULL) {
        restore_signals();
        lmm_complain("cannot set up the terminal; use --once");
        return false;
    }
    catch_signals();
    choose_styles();
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    if (getenv("ESCDELAY") == NULL) {
        set_escdelay(ESCAPE_MS);
    }
    return true;
}

void lmm_top_screen_close(void)
{
    endwin();
    delscreen(terminal.screen);
    restore_signals();
}

/* ---- Showing --------------------------------------------------------------------------------- */

void lmm_top_screen_size(size_t *ret_rows, size_t *ret_columns)
{
    *ret_rows = LINES > 0 ? (size_t) LINES : 1;
    *ret_columns = COLS > 0 ? (size_t) COLS : 1;
}

void lmm_top_screen_show(const struct lmm_top_sheet *sheet)
{
    erase();
    for (size_t i = 0; i < sheet->used; i++) {
        const struct lmm_top_line *line = &sheet->line[i];

        attrset(terminal.style[line->style]);
        mvaddstr((int) i, 0, line->text);
    }
    attrset(A_NORMAL);
    refresh();
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static int key_of(int code)
{
    static const struct {
        int code;
        int key;
    } keys[] = {
        {KEY_UP, LMM_TOP_KEY_UP},
        {KEY_DOWN, LMM_TOP_KEY_DOWN},
        {KEY_PPAGE, LMM_TOP_KEY_PAGE_UP},
        {KEY_NPAGE, LMM_TOP_KEY_PAGE_DOWN},
        {KEY_HOME, LMM_TOP_KEY_HOME},
        {KEY_END, LMM_TOP_KEY_END},
        {KEY_ENTER, LMM_TOP_KEY_ENTER},
        {'\r', LMM_TOP_KEY_ENTER},
        {'\n', LMM_TOP_KEY_ENTER},
        {KEY_BACKSPACE, LMM_TOP_KEY_BACKSPACE},
        {'\b', LMM_TOP_KEY_BACKSPACE},
        {0x7f, LMM_TOP_KEY_BACKSPACE},
        {KEY_F(1), '?'},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].code == code) {
            return keys[i].key;
        }
    }
    return code > 0 && code <= 0xff ? code : LMM_TOP_KEY_NONE;
}

/* Waits for input or a signal. Returns whether to end. */
static bool wait_for_input(uint64_t timeout_ns)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct timespec timeout = lmm_ns_timespec(timeout_ns);
    int ready = ppoll(&input, 1, &timeout, &terminal.old_mask);

    return ended_by != 0 || (ready > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0);
}

struct lmm_top_event lmm_top_screen_wait(uint64_t timeout_ns)
{
    struct lmm_top_event event = {LMM_TOP_KEY_NONE, false, 0};
    int code = ERR;

    take_signals();
    event.over = ended_by != 0;
    if (!event.over) {
        code = getch(); /* ncurses may have buffered keys, which poll() does not see */
    }
    if (!event.over && code == ERR) {
        event.over = wait_for_input(timeout_ns);
        take_signals();
        code = event.over ? ERR : getch();
    }
    event.signal = ended_by;
    event.key = code == ERR ? LMM_TOP_KEY_NONE : key_of(code);
    return event;
}
