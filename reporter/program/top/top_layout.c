/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_layout.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/top/top_sheet.h"
#include "reporter/program/top/top_state.h"
#include "reporter/program/top/top_table.h"
#include "reporter/core/words.h"

enum {
    ROWS_FOR_STATUS = 4,
    ROWS_FOR_HEAD = 12,
    COLUMNS_FOR_RATES = 100,
    NOTE_GAP = 4, /* columns before the note on names */
};

struct layout {
    struct lmm_top *top;
    struct lmm_top_sheet *sheet;
};

/* ---- Figures in a sentence ------------------------------------------------------------------- */

static void put_bytes(struct lmm_top_sheet *sheet, uint64_t bytes)
{
    char cell[LMM_TOP_CELL_BYTES];

    lmm_top_write_bytes(cell, lmm_top_figure_of(bytes), false);
    lmm_top_put(sheet, cell);
}

static void put_difference(struct lmm_top_sheet *sheet, uint64_t now, uint64_t mark, bool bytes)
{
    int64_t value = lmm_top_difference(now, mark);
    char cell[LMM_TOP_CELL_BYTES];

    if (bytes) {
        lmm_top_write_bytes(cell, value, true);
    } else {
        lmm_top_write_count(cell, value, true);
    }
    lmm_top_put(sheet, cell);
}

static void put_duration(struct lmm_top_sheet *sheet, uint64_t duration_ns)
{
    char cell[LMM_TOP_CELL_BYTES];

    lmm_top_write_duration(cell, duration_ns);
    lmm_top_put(sheet, cell);
}

/* Puts a time of day, of CLOCK_REALTIME. */
static void put_time(struct lmm_top_sheet *sheet, uint64_t time_ns)
{
    time_t seconds = (time_t) (time_ns / LMM_NS_PER_SECOND);
    struct tm local;

    if (localtime_r(&seconds, &local) != NULL) {
        lmm_top_printf(sheet, "%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
    }
}

/* ---- The title ------------------------------------------------------------------------------- */

static void put_right_note(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;
    const struct lmm_top_table *table = &top->table[top->view];
    struct lmm_top_sheet *sheet = layout->sheet;
    char note[64];
    size_t left = sheet->line[sheet->used - 1].columns;

    if (top->once) {
        return;
    }
    snprintf(note, sizeof(note), "%sby %s%s, every %" PRIu64 ".%02" PRIu64 "s, ? for help",
             top->view == LMM_TOP_LINES   ? "lines "
             : top->view == LMM_TOP_TYPES ? "types "
                                          : "",
             table->key->name, table->reversed ? " (reversed)" : "", top->delay_ms / 1000,
             top->delay_ms % 1000 / 10);
    if (left + 2 + strlen(note) <= sheet->columns) {
        lmm_top_put_right(sheet, note, sheet->columns - left);
    }
}

static void put_trouble(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;

    lmm_top_put(layout->sheet, "  UNREADABLE, figures are ");
    put_duration(layout->sheet, top->now_ns - top->source.read_ns);
    lmm_top_put(layout->sheet, " old: ");
    lmm_top_put_string(layout->sheet, lmm_string_of(top->source.trouble.text));
}

static void put_process(const struct layout *layout)
{
    const struct lmm_top_source *source = &layout->top->source;
    const struct lmm_model *model = source->snapshot->model;

    lmm_top_put_string(layout->sheet, lmm_model_name(model));
    lmm_top_printf(layout->sheet, "  pid %" PRIu32 "  up ", model->pid);
    if (source->known_age) {
        put_duration(layout->sheet, source->age_ns);
    } else {
        lmm_top_put(layout->sheet, "-");
    }
    if (source->trouble.text[0] != '\0' && !source->gone) {
        put_trouble(layout);
        return;
    }
    lmm_top_put(layout->sheet, "  ");
    lmm_top_put(layout->sheet, lmm_top_source_words(source));
    if (model->other_malloc.bytes > 0) {
        lmm_top_put(layout->sheet, ", does not use LMM's malloc");
    }
    if (!model->settled) {
        lmm_top_put(layout->sheet, ", not settled");
    }
}

static void put_title(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;
    bool well =
        top->view == LMM_TOP_PROCESSES ||
        (top->source.trouble.text[0] == '\0' &&
         (lmm_top_source_is_live(&top->source) || top->source.state == LMM_PROCESS_SNAPSHOT));

    lmm_top_line_begin(layout->sheet, well ? LMM_TOP_TITLE : LMM_TOP_ALARM);
    if (top->view == LMM_TOP_PROCESSES) {
        lmm_top_printf(layout->sheet, "%zu live %s with a ledger", top->rows.count,
                       lmm_plural(top->rows.count, "process", "processes"));
    } else {
        put_process(layout);
    }
    put_right_note(layout);
}

/* ---- The lines about the process ------------------------------------------------------------- */

/* Puts the memory that LMM keeps for itself. */
static void put_kept(const struct layout *layout)
{
    const struct lmm_model *model = layout->top->source.snapshot->model;

    lmm_top_put(layout->sheet, "  Reusable ");
    put_bytes(layout->sheet, model->reservoir_bytes);
    lmm_top_put(layout->sheet, "  Records ");
    put_bytes(layout->sheet, model->overhead_bytes);
}

static void put_rates(const struct layout *layout)
{
    const struct lmm_top_history *history = &layout->top->history;
    struct lmm_top_sheet *sheet = layout->sheet;

    if (history->rated) {
        lmm_top_printf(sheet, "allocs/s %" PRIu64 "  frees/s %" PRIu64,
                       history->total.allocation_rate, history->total.free_rate);
    } else {
        lmm_top_put(sheet, "allocs/s -  frees/s -");
    }
}

static void put_counts(const struct layout *layout)
{
    const struct lmm_model *model = layout->top->source.snapshot->model;
    struct lmm_top_sheet *sheet = layout->sheet;

    lmm_top_line_begin(sheet, LMM_TOP_PLAIN);
    lmm_top_printf(sheet, " In all %" PRIu64 " %s, %" PRIu64 " %s", model->total.allocations,
                   lmm_plural(model->total.allocations, "alloc", "allocs"), model->total.frees,
                   lmm_plural(model->total.frees, "free", "frees"));
    lmm_top_printf(sheet, "  %zu of %zu families, %zu %s", model->families_used,
                   model->family_count, model->site_count,
                   lmm_plural(model->site_count, "site", "sites"));
}

static void put_head(const struct layout *layout)
{
    const struct lmm_model *model = layout->top->source.snapshot->model;
    struct lmm_top_sheet *sheet = layout->sheet;
    char share[LMM_TOP_CELL_BYTES];

    lmm_top_line_begin(sheet, LMM_TOP_PLAIN);
    lmm_top_put(sheet, " Live ");
    put_bytes(sheet, model->total.live_bytes);
    lmm_top_printf(sheet, " in %" PRIu64 " %s  Committed ", model->total.live_blocks,
                   lmm_plural(model->total.live_blocks, "block", "blocks"));
    put_bytes(sheet, model->total.committed_bytes);
    lmm_top_write_permille(share, model->total.occupancy_permille, false);
    lmm_top_printf(sheet, " (%s)", share);
    if (layout->top->source.resident_bytes != 0) {
        lmm_top_put(sheet, "  Resident ");
        put_bytes(sheet, layout->top->source.resident_bytes);
    }
    if (sheet->columns < COLUMNS_FOR_RATES) {
        lmm_top_line_begin(sheet, LMM_TOP_PLAIN);
        lmm_top_put(sheet, " ");
        put_rates(layout);
        put_kept(layout);
        put_counts(layout);
    } else {
        lmm_top_put(sheet, "  ");
        put_rates(layout);
        put_counts(layout);
        put_kept(layout);
    }
}

/* Names the tables of a process, the one on the screen in capitals, and the usual keys. */
static void put_tables(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;
    struct lmm_top_sheet *sheet = layout->sheet;
    bool has_types = top->has_types || top->view == LMM_TOP_TYPES;
    bool has_lines = top->view == LMM_TOP_FAMILIES || top->view == LMM_TOP_TYPES;
    bool is_narrow = sheet->columns < COLUMNS_FOR_RATES;

    lmm_top_line_begin(sheet, LMM_TOP_PLAIN);
    lmm_top_put(sheet, " by ");
    if (has_types) {
        lmm_top_put(sheet, top->view == LMM_TOP_TYPES ? "TYPE  " : "type  ");
    }
    lmm_top_printf(sheet, "%s  %s  (Tab%s)    / filter  m mark  L leak check  Enter %s",
                   top->view == LMM_TOP_LINES ? "LINE" : "line",
                   top->view == LMM_TOP_FAMILIES ? "FAMILY" : "family",
                   has_types && is_narrow ? "" : " changes", has_lines ? "lines" : "stacks");
    size_t left = layout->sheet->line[layout->sheet->used - 1].columns;

    if (top->source.note != NULL && top->view != LMM_TOP_FAMILIES &&
        left + NOTE_GAP + strlen(top->source.note) <= layout->sheet->columns) {
        lmm_top_pad_to(layout->sheet, left + NOTE_GAP);
        lmm_top_put_string(layout->sheet, lmm_string_of(top->source.note));
    }
}

/* ---- The line on view, mark and filter ------------------------------------------------------- */

static bool has_status(const struct lmm_top *top)
{
    return top->typing || top->view == LMM_TOP_SITES || top->view == LMM_TOP_STACKS ||
           top->view == LMM_TOP_TYPE_LINES || top->table[top->view].filter[0] != '\0' ||
           (top->view != LMM_TOP_PROCESSES && top->history.marked) ||
           (top->once && top->source.snapshot->model->mark.number > 0);
}

static void put_filter(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;
    const char *filter = top->table[top->view].filter;

    if (!top->typing && filter[0] == '\0') {
        return;
    }
    lmm_top_put(layout->sheet, " Filter: ");
    lmm_top_put_string(layout->sheet, lmm_string_of(filter));
    lmm_top_printf(layout->sheet, "%s (%zu of %zu) ", top->typing ? "_" : "", top->rows.count,
                   top->rows.count + top->rows.hidden);
}

/* Puts " marked 11:04:12 #3 TEXT". number 0: it is not the process's. */
static void put_mark_itself(const struct layout *layout, uint64_t time_ns, uint32_t number,
                            struct lmm_string text)
{
    lmm_top_put(layout->sheet, " marked ");
    put_time(layout->sheet, time_ns);
    if (number > 0) {
        lmm_top_printf(layout->sheet, " #%" PRIu32, number);
    }
    if (text.bytes > 0) {
        lmm_top_put(layout->sheet, " ");
        lmm_top_put_string(layout->sheet, text);
    }
}

static void put_mark(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;
    const struct lmm_top_history *history = &top->history;

    if (top->once) {
        const struct lmm_model_mark *mark = &top->source.snapshot->model->mark;

        put_mark_itself(layout, mark->time_ns, mark->number, mark->text);
        return;
    }
    if (top->view == LMM_TOP_PROCESSES || !history->marked) {
        return;
    }
    put_mark_itself(layout, top->mark.time_ns, top->mark.number, lmm_string_of(top->mark.text));
    lmm_top_put(layout->sheet, ", ");
    put_duration(layout->sheet, history->time_ns - history->mark_time_ns);
    lmm_top_put(layout->sheet, " ago: ");
    put_difference(layout->sheet, history->total.now.live_bytes, history->total.mark.live_bytes,
                   true);
    lmm_top_put(layout->sheet, " bytes, ");
    put_difference(layout->sheet, history->total.now.live_blocks, history->total.mark.live_blocks,
                   false);
    lmm_top_put(layout->sheet, " blocks ");
}

/* Says which sites or stacks the rows are. */
static void put_scope(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;
    const struct lmm_top_family *family = lmm_top_history_find(&top->history, top->family);
    const struct lmm_model_site *site = top->rows.count == 0 ? NULL : top->rows.row[0].site;

    if (top->view == LMM_TOP_SITES && family != NULL) {
        lmm_top_put(layout->sheet, " Sites of ");
        lmm_top_put_string(layout->sheet, family->family->name);
        lmm_top_put(layout->sheet, " ");
    } else if (top->view == LMM_TOP_TYPE_LINES && site != NULL) {
        struct lmm_string name = lmm_site_type_name(top->source.snapshot->model, site);

        lmm_top_put(layout->sheet, " Lines of ");
        lmm_top_put_string(layout->sheet, name.bytes > 0 ? name : lmm_string_of("no known type"));
        lmm_top_put(layout->sheet, " ");
    } else if (top->view == LMM_TOP_STACKS) {
        lmm_top_put(layout->sheet, " Stacks of ");
        if (site != NULL) {
            lmm_top_put_string(layout->sheet, lmm_model_last_component(site->file));
            lmm_top_printf(layout->sheet, ":%" PRIu32 " ", site->line);
            lmm_top_put_string(layout->sheet, site->function);
            lmm_top_put(layout->sheet, " ");
        }
    }
}

static void put_status(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;

    lmm_top_line_begin(layout->sheet, LMM_TOP_PROMPT);
    if (top->typing) {
        put_filter(layout);
        return;
    }
    put_scope(layout);
    put_mark(layout);
    put_filter(layout);
}

/* Puts what is lost in a way, if anything is. */
static void put_amount(const struct layout *layout, struct lmm_model_amount amount,
                       const char *words, bool *has_any)
{
    if (amount.blocks == 0) {
        return;
    }
    lmm_top_put(layout->sheet, *has_any ? ", " : "lost ");
    put_bytes(layout->sheet, amount.bytes);
    lmm_top_printf(layout->sheet, "%s in %" PRIu64 " %s", words, amount.blocks,
                   lmm_plural(amount.blocks, "block", "blocks"));
    *has_any = true;
}

/* Puts what the last leak check found. */
static void put_losses(const struct layout *layout)
{
    const struct lmm_top_losses *losses = &layout->top->losses;
    bool has_any = false;

    if (losses->time_ns == 0) {
        return;
    }
    lmm_top_line_begin(layout->sheet, LMM_TOP_PROMPT);
    lmm_top_put(layout->sheet, " leak check ");
    put_time(layout->sheet, losses->time_ns);
    if (losses->mark > 0) {
        lmm_top_printf(layout->sheet, " since #%" PRIu32, losses->mark);
    }
    lmm_top_put(layout->sheet, ": ");
    put_amount(layout, losses->definite, "", &has_any);
    put_amount(layout, losses->indirect, " indirectly", &has_any);
    put_amount(layout, losses->possible, " possibly", &has_any);
    lmm_top_put(layout->sheet, has_any ? "" : "nothing is lost");
}

static void put_message(const struct layout *layout)
{
    if (layout->top->message.text[0] != '\0' && lmm_top_line_begin(layout->sheet, LMM_TOP_PROMPT)) {
        lmm_top_put(layout->sheet, " ");
        lmm_top_put_string(layout->sheet, lmm_string_of(layout->top->message.text));
    }
}

/* ---- Help ------------------------------------------------------------------------------------ */

static void put_keys(const struct layout *layout)
{
    const struct lmm_top_key *key = lmm_top_keys(layout->top->view);
    size_t half = layout->sheet->columns / 2;

    while (key->name != NULL && lmm_top_line_begin(layout->sheet, LMM_TOP_PLAIN)) {
        lmm_top_printf(layout->sheet, "  %c  %s", key->letter, key->summary);
        key++;
        if (key->name != NULL && half >= 36) {
            lmm_top_pad_to(layout->sheet, half);
            lmm_top_printf(layout->sheet, "  %c  %s", key->letter, key->summary);
            key++;
        }
    }
}

static void lay_out_help(const struct layout *layout)
{
    static const char *const lines[] = {
        "  Up Down PgUp PgDn Home End   choose a row",
        "  Enter                        go in: process, type or family, line, its stacks",
        "  Tab                          types, lines, or families",
        "  z                            rows of zeros, too",
        "  Esc Backspace                clear the filter, or go back",
        "  q                            back from stacks and sites; else quit",
        "  Space                        read again at once",
        "  /                            filter: part of a name, or a pattern (* ? [)",
        "                               Enter keeps it, Esc clears it",
        "  m                            mark: show differences from now on; m again: stop",
        "  L                            leak check: the lost bytes of each row",
        "  r                            reverse the order",
        "  ? h                          this help",
    };

    lmm_top_line_begin(layout->sheet, LMM_TOP_TITLE);
    lmm_top_put(layout->sheet, "lmm top: keys (any key goes back)");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (lmm_top_line_begin(layout->sheet, LMM_TOP_PLAIN)) {
            lmm_top_put(layout->sheet, lines[i]);
        }
    }
    if (lmm_top_line_begin(layout->sheet, LMM_TOP_HEADING)) {
        lmm_top_put(layout->sheet, "Order of the table:");
        put_keys(layout);
    }
}

/* ---- Table and help -------------------------------------------------------------------------- */

static void put_rows(const struct layout *layout)
{
    const struct lmm_top *top = layout->top;
    const struct lmm_top_cursor *cursor = &top->table[top->view].cursor;
    size_t first = top->once ? 0 : cursor->first;

    for (size_t i = first; i < top->rows.count; i++) {
        bool selected = !top->once && i == cursor->at;

        if (!lmm_top_line_begin(layout->sheet, selected ? LMM_TOP_SELECTED : LMM_TOP_PLAIN)) {
            return;
        }
        lmm_top_table_row(layout->sheet, top, &top->rows.row[i], selected);
    }
    if (top->rows.count == 0 && lmm_top_line_begin(layout->sheet, LMM_TOP_PLAIN)) {
        lmm_top_put(layout->sheet,
                    top->rows.hidden > 0 ? " (no row passes the filter)" : " (none)");
    }
    if (top->once && top->source.note != NULL && top->view != LMM_TOP_FAMILIES &&
        lmm_top_line_begin(layout->sheet, LMM_TOP_PLAIN)) {
        lmm_top_put(layout->sheet, " note: ");
        lmm_top_put_string(layout->sheet, lmm_string_of(top->source.note));
    }
}

static void lay_out_table(const struct layout *layout)
{
    struct lmm_top *top = layout->top;
    struct lmm_top_sheet *sheet = layout->sheet;
    bool status = has_status(top) && (sheet->rows >= ROWS_FOR_STATUS || top->typing);

    if (status && sheet->rows < ROWS_FOR_STATUS) {
        put_status(layout); /* in place of the title, so that the user sees the filter */
    } else {
        put_title(layout);
        if ((sheet->rows >= ROWS_FOR_HEAD || top->once) && top->view != LMM_TOP_PROCESSES) {
            put_head(layout);
            if (!top->once) {
                put_tables(layout);
            }
        }
        if (status) {
            put_status(layout);
        }
        if (sheet->rows >= ROWS_FOR_HEAD && top->view != LMM_TOP_PROCESSES) {
            put_losses(layout);
        }
        if (sheet->rows >= ROWS_FOR_STATUS) {
            put_message(layout);
        }
    }
    if (sheet->used + 1 < sheet->rows && lmm_top_line_begin(sheet, LMM_TOP_HEADING)) {
        lmm_top_table_heading(sheet, top);
    }
    top->shown = sheet->rows > sheet->used ? sheet->rows - sheet->used : 1;
    lmm_top_cursor_follow(&lmm_top_table(top)->cursor, &top->rows, top->shown);
    put_rows(layout);
}

void lmm_top_lay_out(struct lmm_top *top, struct lmm_top_sheet *sheet)
{
    struct layout layout = {top, sheet};

    assert(sheet->used == 0 && sheet->rows > 0 && sheet->columns > 0);
    if (top->help) {
        lay_out_help(&layout);
    } else {
        lay_out_table(&layout);
    }
}
