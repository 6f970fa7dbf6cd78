/* SPDX-License-Identifier: MIT */
/*
 * top_rows: the table that `lmm top` shows: which rows, with which figures, in which order, and
 * which of them is selected. Nothing here knows of a terminal.
 *
 * Invariants:
 *   I1  rows are in the order of the key they were sorted by; equal ones by name, then by identity,
 *       so that no row moves without a reason
 *   I2  a cursor that the user has moved stays with its row wherever that goes; one that was not,
 *       or was sent home, stays at the first row
 *   I3  after lmm_top_cursor_follow() first <= at < first + shown, and at is a row if there is any
 *
 * Locks: none.
 */
#ifndef LMM_PROGRAM_TOP_ROWS_H
#define LMM_PROGRAM_TOP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

struct lmm_model;
struct lmm_model_site;
struct lmm_ledger_entry;
struct lmm_ledger_list;
struct lmm_top_family;
struct lmm_top_history;

enum lmm_top_view {
    LMM_TOP_PROCESSES,
    LMM_TOP_FAMILIES,
    LMM_TOP_SITES,
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
    LMM_TOP_PEAK,
    LMM_TOP_SIZE,
    LMM_TOP_USE, /* permille */
    LMM_TOP_PAGE_SLOTS,
    LMM_TOP_PAGE_BYTES,
    LMM_TOP_PID,
    LMM_TOP_AGE, /* ns */
    LMM_TOP_FIGURES,
    LMM_TOP_NAME = LMM_TOP_FIGURES, /* no figure, but something to sort by */
};

struct lmm_top_row {
    uint64_t identity;
    int64_t figure[LMM_TOP_FIGURES]; /* at most INT64_MAX, whatever a ledger says */
    struct lmm_string name;          /* of the family or program; a site's file */
    const struct lmm_top_family *family;
    const struct lmm_model_site *site; /* these two: NULL where the row is something else */
    const struct lmm_ledger_entry *entry;
};

struct lmm_top_rows {
    struct lmm_top_row *row;
    size_t count;
    size_t hidden; /* rows that the filter leaves out */
};

/* ---- Sort keys ------------------------------------------------------------------------------- */

struct lmm_top_key {
    char letter;
    const char *name; /* for --sort */
    enum lmm_top_figure figure;
    bool ascending; /* smallest first unless reversed */
    const char *summary;
};

/* The keys of a view; the last has no name, the first is the one to begin with. */
const struct lmm_top_key *lmm_top_keys(enum lmm_top_view view);

/* Finds a key by its letter, or by letter or name; NULL when there is none. */
const struct lmm_top_key *lmm_top_key_of_letter(enum lmm_top_view view, int letter);
const struct lmm_top_key *lmm_top_key_of_word(enum lmm_top_view view, const char *word);

/* ---- Rows ------------------------------------------------------------------------------------ */

/*
 * Each replaces *rows, all zeroes at first, by those that filter (may be empty) leaves. They refer
 * to what they were made of. Return false when there is no memory: there are no rows then.
 */
bool lmm_top_rows_of_families(struct lmm_top_rows *rows, const struct lmm_top_history *history,
                              const char *filter);
bool lmm_top_rows_of_sites(struct lmm_top_rows *rows, const struct lmm_top_history *history,
                           const struct lmm_model *model, const struct lmm_top_family *family,
                           const char *filter);

/* Processes that are alive; program: only those of this name, or NULL. now_ns: CLOCK_REALTIME. */
bool lmm_top_rows_of_processes(struct lmm_top_rows *rows, const struct lmm_ledger_list *ledgers,
                               const char *program, uint64_t now_ns, const char *filter);

void lmm_top_rows_sort(struct lmm_top_rows *rows, const struct lmm_top_key *key, bool reversed);
void lmm_top_rows_close(struct lmm_top_rows *rows);

/*
 * Returns whether a name passes a filter: with one of * ? [ in it a pattern for the whole name,
 * else a part of the name. Capitals and small letters are alike. An empty filter passes everything.
 */
bool lmm_top_passes(struct lmm_string name, const char *filter);

/* Returns value as a figure: the largest one when it is too large. */
int64_t lmm_top_figure_of(uint64_t value);

/* ---- The selected row ------------------------------------------------------------------------ */

struct lmm_top_cursor {
    uint64_t identity; /* of the row it stays with, when held */
    size_t at;
    size_t first; /* row shown first */
    bool held;
};

/* Finds the cursor's row again among rows, of which `shown` (at least 1) fit on the screen. */
void lmm_top_cursor_follow(struct lmm_top_cursor *cursor, const struct lmm_top_rows *rows,
                           size_t shown);

/* Moves by so many rows, as far as there are any, and holds on to the row there. */
void lmm_top_cursor_move(struct lmm_top_cursor *cursor, const struct lmm_top_rows *rows,
                         int64_t by);
void lmm_top_cursor_home(struct lmm_top_cursor *cursor);

#endif
