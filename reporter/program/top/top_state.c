/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/row_options.h"

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
    lmm_places_free(&top->lines);
    lmm_places_free(&top->stacks);
    lmm_places_free(&top->types);
    lmm_top_type_lines_free(&top->type_lines);
    lmm_top_losses_free(&top->losses);
    free(top->ledger_bytes);
}

enum lmm_top_view lmm_top_first_view(const struct lmm_top *top)
{
    const struct lmm_model *model =
        top->source.snapshot == NULL ? NULL : top->source.snapshot->model;

    if (top->first != LMM_TOP_PROCESSES) {
        return top->first;
    }
    if (model == NULL || !model->is_drop_in || model->stack_frames == 0) {
        return LMM_TOP_FAMILIES;
    }
    return lmm_row_options_usual(model) == LMM_BY_TYPE ? LMM_TOP_TYPES : LMM_TOP_LINES;
}

struct lmm_top_table *lmm_top_table(struct lmm_top *top)
{
    return &top->table[top->view];
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Groups the sites of the last reading by line, by stack and by type, once for each reading. */
static bool place_sites(struct lmm_top *top)
{
    const struct lmm_model *model = top->source.snapshot->model;

    if (top->placed == top->history.readings && top->placed_model == model && top->placed != 0) {
        return true;
    }
    lmm_places_free(&top->lines);
    lmm_places_free(&top->stacks);
    lmm_places_free(&top->types);
    top->placed_model = model;
    top->placed = 0;
    if (!lmm_places_make(model, LMM_BY_LINE, &top->lines) ||
        !lmm_places_make(model, LMM_BY_STACK, &top->stacks) ||
        !lmm_places_make(model, LMM_BY_TYPE, &top->types) ||
        !lmm_top_type_lines_make(&top->type_lines, model, &top->lines, &top->types)) {
        return false;
    }
    top->placed = top->history.readings;
    return true;
}

/* Finds out whether a type of the last reading is known, once for each reading. */
static void learn_types(struct lmm_top *top)
{
    const struct lmm_model *model = top->source.snapshot->model;

    if (top->typed == top->history.readings && top->typed_model == model) {
        return;
    }
    top->typed = top->history.readings;
    top->typed_model = model;
    top->has_types = false;
    for (size_t i = 0; i < model->site_count && model->is_drop_in && !top->has_types; i++) {
        top->has_types = lmm_site_type_name(model, &model->sites[i]).bytes > 0;
    }
}

/* Returns the places that the rows of the view are. */
static const struct lmm_places *places_of(const struct lmm_top *top)
{
    switch (top->view) {
    case LMM_TOP_STACKS: return &top->stacks;
    case LMM_TOP_TYPES: return &top->types;
    default: return &top->lines;
    }
}

bool lmm_top_view_has_losses(enum lmm_top_view view)
{
    return view == LMM_TOP_LINES || view == LMM_TOP_STACKS || view == LMM_TOP_TYPES ||
           view == LMM_TOP_TYPE_LINES;
}

/* Returns the lost bytes of a row of the view. */
static uint64_t lost_of(const struct lmm_top *top, const struct lmm_top_row *row)
{
    switch (top->view) {
    case LMM_TOP_STACKS: return lmm_top_lost_of(&top->losses.stacks, row->identity);
    case LMM_TOP_TYPES: return lmm_top_lost_of(&top->losses.types, row->identity);
    case LMM_TOP_TYPE_LINES:
        return lmm_top_lost_of(&top->losses.type_lines,
                               lmm_top_type_line_key(top->type, row->identity));
    default: return lmm_top_lost_of(&top->losses.lines, row->identity);
    }
}

static bool fill_losses(struct lmm_top *top)
{
    const struct lmm_top_places places = {&top->lines, &top->stacks, &top->types};

    if (!top->shows_losses || !lmm_top_view_has_losses(top->view)) {
        return true;
    }
    if (!lmm_top_losses_make(&top->losses, top->source.snapshot->model, &places)) {
        return false;
    }
    for (size_t i = 0; i < top->rows.count; i++) {
        top->rows.row[i].figure[LMM_TOP_LOST] = lmm_top_figure_of(lost_of(top, &top->rows.row[i]));
    }
    return true;
}

/* Returns which sites the rows of the view are made of. */
static struct lmm_top_scope scope_of(const struct lmm_top *top)
{
    bool is_stacks = top->view == LMM_TOP_STACKS;
    enum lmm_top_view of = is_stacks ? top->stacks_of : top->view;

    return (struct lmm_top_scope) {
        .family = of == LMM_TOP_SITES ? lmm_top_history_find(&top->history, top->family) : NULL,
        .lines = &top->lines,
        .line = is_stacks ? top->line : 0,
        .types = &top->types,
        .type = of == LMM_TOP_TYPE_LINES ? top->type : 0,
    };
}

static bool make_places(struct lmm_top *top)
{
    struct lmm_top_scope scope = scope_of(top);

    return place_sites(top) &&
           lmm_top_rows_of_places(&top->rows, &top->history, top->source.snapshot->model,
                                  places_of(top), &scope, lmm_top_table(top)->filter) &&
           fill_losses(top);
}

size_t lmm_top_trend(const struct lmm_top *top, const struct lmm_top_row *row,
                     uint64_t ret_samples[LMM_TOP_SAMPLES])
{
    struct lmm_top_scope scope = scope_of(top);

    if (row->family != NULL) {
        memcpy(ret_samples, row->family->live_bytes, sizeof(row->family->live_bytes));
        return row->family->samples;
    }
    return lmm_top_row_trend(row, &top->history, top->source.snapshot->model, places_of(top),
                             &scope, ret_samples);
}

struct lmm_top_lines lmm_top_lines_of(const struct lmm_top *top, const struct lmm_top_row *row)
{
    return lmm_top_type_lines_of(&top->type_lines, top->source.snapshot->model, &top->lines,
                                 &top->types, row->site);
}

static bool make_rows(struct lmm_top *top)
{
    const struct lmm_top_family *family = lmm_top_history_find(&top->history, top->family);
    bool needs_family = top->view == LMM_TOP_SITES ||
                        (top->view == LMM_TOP_STACKS && top->stacks_of == LMM_TOP_SITES);

    if (top->view == LMM_TOP_PROCESSES) {
        return lmm_top_rows_of_processes(&top->rows, &top->ledgers, top->ledger_bytes, top->program,
                                         top->wall_ns, lmm_top_table(top)->filter);
    }
    learn_types(top);
    if (needs_family && family == NULL) {
        top->view = LMM_TOP_FAMILIES;
    }
    bool made = top->view == LMM_TOP_FAMILIES ? lmm_top_rows_of_families(&top->rows, &top->history,
                                                                         lmm_top_table(top)->filter)
                                              : make_places(top);

    if (made && !top->all && !top->history.marked) { /* differences of 0 are no rows of zeros */
        lmm_top_rows_drop_zeros(&top->rows, top->once);
    }
    return made;
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

/* ---- Marks and losses ------------------------------------------------------------------------ */

static void take_mark(struct lmm_top *top, const struct lmm_model_mark *mark)
{
    size_t bytes =
        mark->text.bytes < LMM_TOP_MARK_BYTES ? mark->text.bytes : (size_t) LMM_TOP_MARK_BYTES - 1;

    top->mark = (struct lmm_top_mark) {.number = mark->number, .time_ns = mark->time_ns};
    memcpy(top->mark.text, mark->text.text, bytes);
    lmm_top_history_mark(&top->history, true);
}

void lmm_top_take_reading(struct lmm_top *top)
{
    const struct lmm_model_mark *mark = &top->source.snapshot->model->mark;

    if (top->history.readings == 1) { /* of this process */
        top->shows_losses = false;
        lmm_top_losses_free(&top->losses);
    } else if (mark->number > top->marks) {
        take_mark(top, mark);
    }
    top->marks = mark->number;
}

void lmm_top_mark_here(struct lmm_top *top, uint64_t time_ns)
{
    top->mark = (struct lmm_top_mark) {.time_ns = time_ns};
    lmm_top_history_mark(&top->history, true);
}

void lmm_top_show_losses(struct lmm_top *top)
{
    top->shows_losses = true;
    top->view = lmm_top_view_has_losses(top->view) ? top->view : LMM_TOP_LINES;
    for (enum lmm_top_view view = 0; view < LMM_TOP_VIEWS; view++) {
        if (lmm_top_view_has_losses(view)) {
            top->table[view].key = lmm_top_key_of_word(view, "lost");
            top->table[view].reversed = false;
            lmm_top_cursor_home(&top->table[view].cursor);
        }
    }
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
    struct lmm_top_cursor *cursor = &lmm_top_table(top)->cursor;

    if (top->view == LMM_TOP_STACKS) {
        return LMM_TOP_GO_ON;
    }
    bool has_lines = top->view == LMM_TOP_FAMILIES || top->view == LMM_TOP_TYPES;

    if (!has_lines && top->rows.row[cursor->at].site->stack == 0) {
        return LMM_TOP_GO_ON; /* it has no stacks */
    }
    lmm_top_cursor_move(cursor, &top->rows, 0); /* so that it comes back to this row */
    if (top->view == LMM_TOP_FAMILIES) {
        top->family = cursor->identity;
        top->view = LMM_TOP_SITES;
    } else if (top->view == LMM_TOP_TYPES) {
        top->type = cursor->identity;
        top->view = LMM_TOP_TYPE_LINES;
    } else {
        top->line = cursor->identity;
        top->stacks_of = top->view;
        top->view = LMM_TOP_STACKS;
    }
    lmm_top_cursor_home(&lmm_top_table(top)->cursor);
    lmm_top_table(top)->filter[0] = '\0';
    return LMM_TOP_GO_ON;
}

/* Changes from types to lines, to families, to types; there may be no types. */
static void change_view(struct lmm_top *top)
{
    switch (top->view) {
    case LMM_TOP_PROCESSES: break;
    case LMM_TOP_LINES: top->view = LMM_TOP_FAMILIES; break;
    case LMM_TOP_FAMILIES: top->view = top->has_types ? LMM_TOP_TYPES : LMM_TOP_LINES; break;
    default: top->view = LMM_TOP_LINES; break;
    }
}

/* One step back: clears the filter, leaves the stacks or sites, leaves the process; q quits, except
 * in the stacks and sites. */
static enum lmm_top_answer back(struct lmm_top *top, int key)
{
    struct lmm_top_table *table = lmm_top_table(top);

    if (key != 'q' && table->filter[0] != '\0') {
        table->filter[0] = '\0';
    } else if (top->view == LMM_TOP_STACKS) {
        top->view = top->stacks_of;
    } else if (top->view == LMM_TOP_SITES) {
        top->view = LMM_TOP_FAMILIES;
    } else if (top->view == LMM_TOP_TYPE_LINES) {
        top->view = LMM_TOP_TYPES;
    } else if (key == 'q') {
        return LMM_TOP_QUIT;
    } else if (top->view != LMM_TOP_PROCESSES && top->has_list) {
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

/* Marks, or goes back to the figures themselves. */
static enum lmm_top_answer mark(struct lmm_top *top)
{
    if (top->view == LMM_TOP_PROCESSES) {
        return LMM_TOP_GO_ON;
    }
    if (!top->history.marked) {
        return LMM_TOP_MARK;
    }
    lmm_top_history_mark(&top->history, false);
    return LMM_TOP_GO_ON;
}

static enum lmm_top_answer act(struct lmm_top *top, int key)
{
    switch (key) {
    case LMM_TOP_KEY_ENTER: return enter(top);
    case LMM_TOP_KEY_TAB: change_view(top); break;
    case 'z': top->all = !top->all; break;
    case 'q':
    case LMM_TOP_KEY_ESCAPE:
    case LMM_TOP_KEY_BACKSPACE: return back(top, key);
    case ' ': return LMM_TOP_READ;
    case '/': top->typing = true; break;
    case '?':
    case 'h': top->help = true; break;
    case 'm': return mark(top);
    case 'L': return top->view == LMM_TOP_PROCESSES ? LMM_TOP_GO_ON : LMM_TOP_CHECK;
    case 'r': lmm_top_table(top)->reversed = !lmm_top_table(top)->reversed; break;
    default: choose_order(top, key); break;
    }
    return LMM_TOP_GO_ON;
}

enum lmm_top_answer lmm_top_press(struct lmm_top *top, int key)
{
    enum lmm_top_answer answer = LMM_TOP_GO_ON;

    assert(top->shown > 0);
    top->message.text[0] = '\0';
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
