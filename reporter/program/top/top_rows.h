/* SPDX-License-Identifier: MIT */
/*
 * top_rows: the table that `lmm top` shows: its rows, their figures and order, and the selected
 * row. It does not use the terminal.
 *
 * Invariants (checked by tests/unit/top/test_top_rows.c; I3 also by assert):
 *   I1  rows are in the order of their sort key; equal ones by name, then by identity, so that the
 *       order does not depend on chance
 *   I2  after the user has moved the cursor, it follows its row; before, and after "home", it stays
 *       at the first row
 *   I3  after lmm_top_cursor_follow() first <= at < first + shown, and at is the index of a row if
 *       there are rows
 */
#ifndef LMM_PROGRAM_TOP_ROWS_H
#define LMM_PROGRAM_TOP_ROWS_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

struct lmm_model;
struct lmm_model_site;
struct lmm_places;
struct lmm_ledger_entry;
struct lmm_ledger_list;
struct lmm_top_family;
struct lmm_top_history;

enum lmm_top_view {
    LMM_TOP_PROCESSES,
    LMM_TOP_LINES, /* of the source */
    LMM_TOP_FAMILIES,
    LMM_TOP_SITES,      /* the lines of one family */
    LMM_TOP_STACKS,     /* of one line */
    LMM_TOP_TYPES,      /* of blocks, by debug information */
    LMM_TOP_TYPE_LINES, /* the lines of one of these */
    LMM_TOP_VIEWS,
};

/* The figures of a row. While a reading is marked, those up to LMM_TOP_FREES are differences. */
enum lmm_top_figure {
    LMM_TOP_BLOCKS,
    LMM_TOP_BYTES,
    LMM_TOP_SLOTS,
    LMM_TOP_PAGES,
    LMM_TOP_MAPPED,
    LMM_TOP_COMMITTED,
    LMM_TOP_ALLOCATIONS,
    LMM_TOP_FREES,
    LMM_TOP_ALLOCATION_RATE,
    LMM_TOP_FREE_RATE,
    LMM_TOP_BYTES_RATE, /* these two: how live bytes and blocks change per second */
    LMM_TOP_BLOCKS_RATE,
    LMM_TOP_PEAK,
    LMM_TOP_LOST, /* bytes, by the last leak check; of lines, stacks and types */
    LMM_TOP_SIZE,
    LMM_TOP_USE, /* permille */
    LMM_TOP_PAGE_SLOTS,
    LMM_TOP_PAGE_BYTES,
    LMM_TOP_PID,
    LMM_TOP_AGE, /* ns */
    LMM_TOP_FIGURES,
    LMM_TOP_NAME = LMM_TOP_FIGURES, /* a sort key that is not a figure */
};

struct lmm_top_row {
    uint64_t identity;
    int64_t figure[LMM_TOP_FIGURES]; /* limited to INT64_MAX */
    struct lmm_string
        name; /* of the family, program or type; a site's file; of what has no type the
                               module that lacks debug information, if one does */
    const struct lmm_top_family *family;
    const struct lmm_model_site
        *site; /* of its sites that of the lowest id; these three: NULL for other rows */
    const struct lmm_ledger_entry *entry;
    const struct lmm_model_type *type; /* of all its sites; NULL: they have several, or none */
};

struct lmm_top_rows {
    struct lmm_top_row *row;
    size_t count;
    size_t hidden; /* rows that do not pass the filter */
};

/* ---- Sort keys ------------------------------------------------------------------------------- */

struct lmm_top_key {
    char letter;
    const char *name; /* for --sort */
    enum lmm_top_figure figure;
    bool ascending; /* smallest first unless reversed */
    const char *summary;
};

/* Returns the keys of a view; the first is the default, the last has no name. */
const struct lmm_top_key *lmm_top_keys(enum lmm_top_view view);

/* Find a key by its letter, or by letter or name; NULL: none. */
const struct lmm_top_key *lmm_top_key_of_letter(enum lmm_top_view view, int letter);
const struct lmm_top_key *lmm_top_key_of_word(enum lmm_top_view view, const char *word);

/* Returns the names of the keys of families and lines for --sort, as lmm_option_word does. */
const char *lmm_top_sort_word(size_t index);

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Each replaces *rows (all zeroes at first) by the rows that pass filter, which may be empty. Rows
 * point into the other arguments. Return false when memory ran out: then there are no rows. */
bool lmm_top_rows_of_families(struct lmm_top_rows *rows, const struct lmm_top_history *history,
                              const char *filter);

/* Which sites the rows below are made of. */
struct lmm_top_scope {
    const struct lmm_top_family *family; /* NULL: of all families */
    const struct lmm_places *lines;      /* these two: the sites of the line of this key; 0: all */
    uint64_t line;
    const struct lmm_places *types; /* these two: likewise, of the type */
    uint64_t type;
};

/* A row for each place (places.h) of the sites in scope; its identity is the place's key. */
bool lmm_top_rows_of_places(struct lmm_top_rows *rows, const struct lmm_top_history *history,
                            const struct lmm_model *model, const struct lmm_places *places,
                            const struct lmm_top_scope *scope, const char *filter);

/* Sums the live bytes at the last readings of the sites in scope that have the row's place. Returns how many readings
 * there are. Cost: the number of sites. */
size_t lmm_top_row_trend(const struct lmm_top_row *row, const struct lmm_top_history *history,
                         const struct lmm_model *model, const struct lmm_places *places,
                         const struct lmm_top_scope *scope, uint64_t *ret_samples);

/* Live processes only; program: only those of this name; NULL: all. live_bytes: of each ledger, -1:
 * unknown; NULL: none is known. now_ns: CLOCK_REALTIME. */
bool lmm_top_rows_of_processes(struct lmm_top_rows *rows, const struct lmm_ledger_list *ledgers,
                               const int64_t *live_bytes, const char *program, uint64_t now_ns,
                               const char *filter);

/* Removes the rows without live blocks and without allocations and frees: in total, with totals
 * set, or per second. */
void lmm_top_rows_drop_zeros(struct lmm_top_rows *rows, bool totals);

void lmm_top_rows_sort(struct lmm_top_rows *rows, const struct lmm_top_key *key, bool reversed);
void lmm_top_rows_close(struct lmm_top_rows *rows);

/*
 * Returns whether a name passes a filter: a filter with one of * ? [ is a pattern for the whole
 * name; others match a part of the name. Upper and lower case are equal. All names pass an empty
 * filter.
 */
bool lmm_top_passes(struct lmm_string name, const char *filter);

/* Return value, and now - mark, limited to INT64_MAX and its negative. */
int64_t lmm_top_figure_of(uint64_t value);
int64_t lmm_top_difference(uint64_t now, uint64_t mark);

/* ---- The selected row ------------------------------------------------------------------------ */

struct lmm_top_cursor {
    uint64_t identity; /* of the row that it follows, when held */
    size_t at;
    size_t first; /* index of the first row on the screen */
    bool held;
};

/* Moves the cursor to its row among new rows, of which `shown` (at least 1) fit on the screen. */
void lmm_top_cursor_follow(struct lmm_top_cursor *cursor, const struct lmm_top_rows *rows,
                           size_t shown);

/* Moves by so many rows, at most to the first or last one, and follows that row from then on. */
void lmm_top_cursor_move(struct lmm_top_cursor *cursor, const struct lmm_top_rows *rows,
                         int64_t by);
void lmm_top_cursor_home(struct lmm_top_cursor *cursor);

#endif
