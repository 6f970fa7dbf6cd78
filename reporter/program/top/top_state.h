/* SPDX-License-Identifier: MIT */
/*
 * top_state: the state of `lmm top` - the view, its order, filter and selected row, and the watched
 * process - and the effect of each key on it. It does not use the terminal.
 *
 * Invariants (checked by tests/unit/top/test_top_state.c):
 *   I1  rows are those of `view`, made from the last reading, in its order, and the cursor is on
 *       one of them: lmm_top_update() makes this true after each key and each reading
 *   I2  in the view of sites `family` is the serial number of their family; when that family no
 *       longer exists, the view changes to families
 *   I4  in the view of stacks `line` is the key of their line, and `stacks_of` the view to go back to
 *   I5  in the view of the lines of a type, and of stacks of these, `type` is the key of the type
 *   I3  while the user types a filter, all keys except those of the prompt and the arrows are text
 *
 * Not responsible for reading ledgers: lmm_top_press() returns what the caller must do.
 */
#ifndef LMM_PROGRAM_TOP_STATE_H
#define LMM_PROGRAM_TOP_STATE_H

#include "reporter/program/ledger/discover.h"
#include "reporter/program/report/places.h"
#include "reporter/program/top/top_history.h"
#include "reporter/program/top/top_losses.h"
#include "reporter/program/top/top_rows.h"
#include "reporter/program/top/top_source.h"
#include "reporter/program/top/top_type_lines.h"

enum {
    LMM_TOP_FILTER_BYTES = 64,
    LMM_TOP_MARK_BYTES = 128, /* room for the text of a mark and its NUL */
};

/* Keys that are not characters; characters are bytes from 1 to 255. */
enum lmm_top_special {
    LMM_TOP_KEY_NONE = 0, /* nothing was pressed */
    LMM_TOP_KEY_TAB = 9,
    LMM_TOP_KEY_ESCAPE = 27,
    LMM_TOP_KEY_BACKSPACE = 256,
    LMM_TOP_KEY_ENTER,
    LMM_TOP_KEY_UP,
    LMM_TOP_KEY_DOWN,
    LMM_TOP_KEY_PAGE_UP,
    LMM_TOP_KEY_PAGE_DOWN,
    LMM_TOP_KEY_HOME,
    LMM_TOP_KEY_END,
};

/* What the caller must do after a key. */
enum lmm_top_answer {
    LMM_TOP_GO_ON,
    LMM_TOP_READ,  /* read again at once */
    LMM_TOP_OPEN,  /* watch the selected process */
    LMM_TOP_LIST,  /* stop watching, and go back to the list of processes */
    LMM_TOP_MARK,  /* make a mark: lmm_top_ask_mark() */
    LMM_TOP_CHECK, /* make a leak check: lmm_top_ask_check() */
    LMM_TOP_QUIT,
};

/* The order, filter and cursor of one view. */
struct lmm_top_table {
    const struct lmm_top_key *key;
    bool reversed;
    char filter[LMM_TOP_FILTER_BYTES];
    struct lmm_top_cursor cursor;
};

/* The mark, while the history is marked. */
struct lmm_top_mark {
    uint32_t number;  /* in the process; 0: it is of this lmm top alone */
    uint64_t time_ns; /* CLOCK_REALTIME */
    char text[LMM_TOP_MARK_BYTES];
};

struct lmm_top {
    enum lmm_top_view view;
    struct lmm_top_table table[LMM_TOP_VIEWS];
    struct lmm_top_rows rows;
    bool typing; /* the user types a filter */
    bool help;
    bool once;     /* one screen of text, without a selected row and without rates */
    bool has_list; /* there is a list of processes to go back to */
    bool all;      /* also rows of zeros */
    uint64_t family;
    uint64_t line;
    uint64_t type;
    enum lmm_top_view stacks_of;
    enum lmm_top_view first; /* the view that a process opens with; LMM_TOP_PROCESSES: it decides */
    uint64_t delay_ms;

    /* The list. */
    struct lmm_ledger_list ledgers;
    int64_t *ledger_bytes; /* live, of each; -1: unknown; NULL: none is known */
    const char *program;   /* list only processes of this name; may be NULL */
    uint64_t wall_ns;      /* CLOCK_REALTIME when the list was made */

    /* The process. */
    struct lmm_top_source source;
    struct lmm_top_history history;
    struct lmm_places lines; /* these four: of the reading `placed`, counted from 1 on; 0: none */
    struct lmm_places stacks;
    struct lmm_places types;
    struct lmm_top_type_lines type_lines;
    const struct lmm_model *placed_model;
    uint64_t placed;
    const struct lmm_model *typed_model; /* these two: of which has_types is known */
    uint64_t typed;
    bool has_types;  /* a type is known: then there is a view of types */
    uint64_t now_ns; /* CLOCK_MONOTONIC at the last update */
    struct lmm_top_mark mark;
    uint32_t marks; /* that the process had at the last reading */
    bool shows_losses;
    struct lmm_top_losses losses;
    struct lmm_reason message; /* what the last key led to; the next key removes it; empty: none */

    size_t shown; /* rows that fit on the screen, at least 1; set by lmm_top_lay_out() */
};

/* Makes a state with the default orders of all views, to be freed with lmm_top_close(). */
void lmm_top_init(struct lmm_top *top, enum lmm_top_view view);
void lmm_top_close(struct lmm_top *top);

/* Returns the view that the process opens with: types where most bytes have one, lines if it has call stacks, else
 * families. */
enum lmm_top_view lmm_top_first_view(const struct lmm_top *top);

/* Returns the table of the current view. */
struct lmm_top_table *lmm_top_table(struct lmm_top *top);

/* Copies the live bytes of a row of the view at the last readings, oldest first. Returns how many there are. */
size_t lmm_top_trend(const struct lmm_top *top, const struct lmm_top_row *row,
                     uint64_t ret_samples[LMM_TOP_SAMPLES]);

/* Takes in a reading that succeeded: a mark that the process has since the reading before, made by this
 * lmm top or elsewhere, becomes the mark. Marks from before the first reading do not. */
void lmm_top_take_reading(struct lmm_top *top);

/* Marks the last reading for this lmm top alone. time_ns: CLOCK_REALTIME. */
void lmm_top_mark_here(struct lmm_top *top, uint64_t time_ns);

/* Shows what leak checks found, from the next reading on: rows by lost bytes, of lines unless the view has losses. */
void lmm_top_show_losses(struct lmm_top *top);

/* Returns whether the rows of a view have lost bytes. */
bool lmm_top_view_has_losses(enum lmm_top_view view);

/* Returns the lines of a row of types. Cost: the sites of the type. */
struct lmm_top_lines lmm_top_lines_of(const struct lmm_top *top, const struct lmm_top_row *row);

/* Makes the rows again, after a reading, a key, or a change of `shown`. Returns false when memory
 * ran out. */
bool lmm_top_update(struct lmm_top *top);

/* Handles a key. */
enum lmm_top_answer lmm_top_press(struct lmm_top *top, int key);

#endif
