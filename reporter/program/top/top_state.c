/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_state.h"

#include <assert.h>
#include <string.h>

#include "reporter/program/ledger/snapshot.h"

enum {
    CONTROL_U = 21, /* deletes the whole line, as in shells */
};

void lmm_top_init(struct lmm_top *top, enum lmm_top_view view)
{
    *top = (struct lmm_top) {.view = view, .shown = 1, .delay_ms = 1000};
    for (int i = 0; i < LMM_TOP_VIEWS; i++) {
        top->table[i].key = lmm_top_keys((enum lmm_top_view) i);
    }
}

void lmm_top_close(struct lmm_top *top)
{
    lmm_top_rows_close(&top->rows);
    lmm_top_history_close(&top->history);
    lmm_top_source_close(&top->source);
    lmm_discover_free(&top->ledgers);
}

struct lmm_top_table *lmm_top_table(struct lmm_top *top)
{
    return &top->table[top->view];
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static bool make_rows(struct lmm_top *top)
{
    const struct lmm_top_family *family = lmm_top_history_find(&top->history, top->family);

    if (top->view == LMM_TOP_PROCESSES) {
        return lmm_top_rows_of_processes(&top->rows, &top->ledgers, top->program, top->wall_ns,
                                         lmm_top_table(top)->filter);
    }
    if (top->view == LMM_TOP_SITES && family == NULL) {
        top->view = LMM_TOP_FAMILIES;
    }
    if (top->view == LMM_TOP_FAMILIES) {
        return lmm_top_rows_of_families(&top->rows, &top->history, lmm_top_table(top)->filter);
    }
    return lmm_top_rows_of_sites(&top->rows, &top->history, top->source.snapshot->model, family,
                                 lmm_top_table(top)->filter);
}

bool lmm_top_update(struct lmm_top *top)
{
    bool made = make_rows(top);
    struct lmm_top_table *table = lmm_top_table(top);

    if (made) {
        lmm_top_rows_sort(&top->rows, table->key, table->reversed);
    }
    lmm_top_cursor_follow(&table->cursor, &top->rows, top->shown);
    return made;
}

/* ---- Keys of the prompt ---------------------------------------------------------------------- */

static void erase_character(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && ((unsigned char) text[length - 1] & 0xc0) == 0x80) {
        text[--length] = '\0'; /* the rest of a UTF-8 character */
    }
    if (length > 0) {
        text[length - 1] = '\0';
    }
}

static void add_character(char *text, int key)
{
    size_t length = strlen(text);

    if (length + 1 < LMM_TOP_FILTER_BYTES) {
        text[length] = (char) key;
        text[length + 1] = '\0';
    }
}

static void type(struct lmm_top *top, int key)
{
    char *filter = lmm_top_table(top)->filter;

    if (key == LMM_TOP_KEY_ENTER) {
        top->typing = false;
    } else if (key == LMM_TOP_KEY_ESCAPE) {
        top->typing = false;
        filter[0] = '\0';
    } else if (key == CONTROL_U) {
        filter[0] = '\0';
    } else if (key == LMM_TOP_KEY_BACKSPACE) {
        erase_character(filter);
    } else if (key >= ' ' && key <= 0xff) {
        add_character(filter, key);
    }
}

/* ---- Keys of the table ----------------------------------------------------------------------- */

static bool move(struct lmm_top *top, int key)
{
    struct lmm_top_cursor *cursor = &lmm_top_table(top)->cursor;
    int64_t page = (int64_t) top->shown;

    switch (key) {
    case LMM_TOP_KEY_UP: lmm_top_cursor_move(cursor, &top->rows, -1); return true;
    case LMM_TOP_KEY_DOWN: lmm_top_cursor_move(cursor, &top->rows, 1); return true;
    case LMM_TOP_KEY_PAGE_UP: lmm_top_cursor_move(cursor, &top->rows, -page); return true;
    case LMM_TOP_KEY_PAGE_DOWN: lmm_top_cursor_move(cursor, &top->rows, page); return true;
    case LMM_TOP_KEY_HOME: lmm_top_cursor_home(cursor); return true;
    case LMM_TOP_KEY_END:
        lmm_top_cursor_move(cursor, &top->rows, (int64_t) top->rows.count);
        return true;
    default: return false;
    }
}

static enum lmm_top_answer enter(struct lmm_top *top)
{
    if (top->rows.count == 0) {
        return LMM_TOP_GO_ON;
    }
    if (top->view == LMM_TOP_PROCESSES) {
        return LMM_TOP_OPEN;
    }
    if (top->view == LMM_TOP_FAMILIES) {
        /* So that the cursor comes back to it. */
        lmm_top_cursor_move(&lmm_top_table(top)->cursor, &top->rows, 0);
        top->family = lmm_top_table(top)->cursor.identity;
        top->view = LMM_TOP_SITES;
        lmm_top_cursor_home(&lmm_top_table(top)->cursor);
        lmm_top_table(top)->filter[0] = '\0';
    }
    return LMM_TOP_GO_ON;
}

/* One step back: clears the filter, leaves the sites, leaves the process; q quits, except in the
 * sites. */
static enum lmm_top_answer back(struct lmm_top *top, int key)
{
    struct lmm_top_table *table = lmm_top_table(top);

    if (key != 'q' && table->filter[0] != '\0') {
        table->filter[0] = '\0';
    } else if (top->view == LMM_TOP_SITES) {
        top->view = LMM_TOP_FAMILIES;
    } else if (key == 'q') {
        return LMM_TOP_QUIT;
    } else if (top->view == LMM_TOP_FAMILIES && top->has_list) {
        return LMM_TOP_LIST;
    }
    return LMM_TOP_GO_ON;
}

static void choose_order(struct lmm_top *top, int key)
{
    const struct lmm_top_key *order = lmm_top_key_of_letter(top->view, key);

    if (order != NULL) {
        lmm_top_table(top)->key = order;
        lmm_top_table(top)->reversed = false;
    }
}

static enum lmm_top_answer act(struct lmm_top *top, int key)
{
    switch (key) {
    case LMM_TOP_KEY_ENTER: return enter(top);
    case 'q':
    case LMM_TOP_KEY_ESCAPE:
    case LMM_TOP_KEY_BACKSPACE: return back(top, key);
    case ' ': return LMM_TOP_READ;
    case '/': top->typing = true; break;
    case '?':
    case 'h': top->help = true; break;
    case 'm':
        if (top->view != LMM_TOP_PROCESSES) {
            lmm_top_history_mark(&top->history, !top->history.marked);
        }
        break;
    case 'r': lmm_top_table(top)->reversed = !lmm_top_table(top)->reversed; break;
    default: choose_order(top, key); break;
    }
    return LMM_TOP_GO_ON;
}

enum lmm_top_answer lmm_top_press(struct lmm_top *top, int key)
{
    enum lmm_top_answer answer = LMM_TOP_GO_ON;

    assert(top->shown > 0);
    if (top->help) {
        top->help = key == LMM_TOP_KEY_NONE;
    } else if (!move(top, key)) {
        if (top->typing) {
            type(top, key);
        } else {
            answer = act(top, key);
        }
    }
    lmm_top_update(top);
    return answer;
}
