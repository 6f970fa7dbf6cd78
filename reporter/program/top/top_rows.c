/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_rows.h"

#include <assert.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/report/places.h"
#include "reporter/program/top/top_history.h"

static const size_t HIDDEN = SIZE_MAX; /* the number of a row that does not pass the filter */

enum {
    NAME_MAX_BYTES = 1024, /* of a name that the filter compares */
};

/* ---- Sort keys ------------------------------------------------------------------------------- */

static const struct lmm_top_key process_keys[] = {
    {'A', "age", LMM_TOP_AGE, true, "age, youngest first"},
    {'B', "bytes", LMM_TOP_BYTES, false, "live bytes"},
    {'i', "pid", LMM_TOP_PID, true, "process id"},
    {'n', "name", LMM_TOP_NAME, true, "program"},
    {0},
};

static const struct lmm_top_key family_keys[] = {
    {'B', "bytes", LMM_TOP_BYTES, false, "live bytes"},
    {'a', "blocks", LMM_TOP_BLOCKS, false, "live (active) blocks"},
    {'b', "page-slots", LMM_TOP_PAGE_SLOTS, false, "slots per page"},
    {'c', "committed", LMM_TOP_COMMITTED, false, "committed bytes"},
    {'l', "pages", LMM_TOP_PAGES, false, "pages"},
    {'v', "mapped", LMM_TOP_MAPPED, false, "mapped bytes"},
    {'n', "name", LMM_TOP_NAME, true, "name"},
    {'o', "slots", LMM_TOP_SLOTS, false, "slots"},
    {'p', "page-bytes", LMM_TOP_PAGE_BYTES, false, "bytes per page"},
    {'s', "size", LMM_TOP_SIZE, false, "size of one struct"},
    {'u', "use", LMM_TOP_USE, false, "occupancy"},
    {'A', "allocations", LMM_TOP_ALLOCATION_RATE, false, "allocations per second"},
    {'F', "frees", LMM_TOP_FREE_RATE, false, "frees per second"},
    {'P', "peak", LMM_TOP_PEAK, false, "peak of live bytes"},
    {0},
};

static const struct lmm_top_key site_keys[] = {
    {'B', "bytes", LMM_TOP_BYTES, false, "live bytes"},
    {'a', "blocks", LMM_TOP_BLOCKS, false, "live blocks"},
    {'n', "name", LMM_TOP_NAME, true, "file and line"},
    {'t', "total", LMM_TOP_ALLOCATIONS, false, "allocations in all"},
    {'A', "allocations", LMM_TOP_ALLOCATION_RATE, false, "allocations per second"},
    {'F', "frees", LMM_TOP_FREE_RATE, false, "frees per second"},
    {'g', "growth", LMM_TOP_BYTES_RATE, false, "growth of live bytes per second"},
    {'P', "peak", LMM_TOP_PEAK, false, "bytes at the peak of the process"},
    {'l', "lost", LMM_TOP_LOST, false, "lost bytes, after a leak check"},
    {0},
};

const struct lmm_top_key *lmm_top_keys(enum lmm_top_view view)
{
    return view == LMM_TOP_PROCESSES  ? process_keys
           : view == LMM_TOP_FAMILIES ? family_keys
                                      : site_keys;
}

const struct lmm_top_key *lmm_top_key_of_letter(enum lmm_top_view view, int letter)
{
    for (const struct lmm_top_key *key = lmm_top_keys(view); key->name != NULL; key++) {
        if (key->letter == letter) {
            return key;
        }
    }
    return NULL;
}

const struct lmm_top_key *lmm_top_key_of_word(enum lmm_top_view view, const char *word)
{
    for (const struct lmm_top_key *key = lmm_top_keys(view); key->name != NULL; key++) {
        if (strcmp(key->name, word) == 0 || (word[0] == key->letter && word[1] == '\0')) {
            return key;
        }
    }
    return NULL;
}

/* Returns whether families have a key of this name. */
static bool is_of_families(const char *name)
{
    bool found = false;

    for (const struct lmm_top_key *key = family_keys; !found && key->name != NULL; key++) {
        found = strcmp(key->name, name) == 0;
    }
    return found;
}

const char *lmm_top_sort_word(size_t index)
{
    const struct lmm_top_key *key = family_keys;

    while (key->name != NULL && index > 0) {
        key++;
        index--;
    }
    if (key->name != NULL) {
        return key->name;
    }
    for (key = site_keys; key->name != NULL; key++) {
        if (!is_of_families(key->name) && index-- == 0) {
            return key->name;
        }
    }
    return NULL;
}

/* ---- Filter ---------------------------------------------------------------------------------- */

static bool passes(const char *name, const char *filter)
{
    if (strpbrk(filter, "*?[") != NULL) {
        return fnmatch(filter, name, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
    }
    return strcasestr(name, filter) != NULL;
}

bool lmm_top_passes(struct lmm_string name, const char *filter)
{
    char text[NAME_MAX_BYTES];

    if (filter[0] == '\0') {
        return true;
    }
    name.bytes = name.bytes < sizeof(text) ? name.bytes : sizeof(text) - 1;
    memcpy(text, name.text, name.bytes);
    text[name.bytes] = '\0';
    return passes(text, filter);
}

/* The filter is compared with "file:line function". */
static bool site_passes(const struct lmm_model_site *site, const char *filter)
{
    char text[2 * NAME_MAX_BYTES + LMM_TOP_FIGURES];
    size_t file = site->file.bytes < NAME_MAX_BYTES ? site->file.bytes : NAME_MAX_BYTES;
    size_t function = site->function.bytes < NAME_MAX_BYTES ? site->function.bytes : NAME_MAX_BYTES;

    snprintf(text, sizeof(text), "%.*s:%" PRIu32 " %.*s", (int) file, site->file.text, site->line,
             (int) function, site->function.text);
    return filter[0] == '\0' || passes(text, filter);
}

/* ---- Figures --------------------------------------------------------------------------------- */

int64_t lmm_top_figure_of(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t) value;
}

static uint64_t per(uint64_t value, uint64_t count)
{
    return count == 0 ? 0 : value / count;
}

int64_t lmm_top_difference(uint64_t now, uint64_t mark)
{
    return now >= mark ? lmm_top_figure_of(now - mark) : -lmm_top_figure_of(mark - now);
}

static void fill_counts(struct lmm_top_row *row, const struct lmm_top_track *track, bool marked)
{
    static const struct lmm_top_counts nothing;
    const struct lmm_top_counts *now = &track->now;
    const struct lmm_top_counts *mark = marked ? &track->mark : &nothing;

    row->figure[LMM_TOP_BLOCKS] = lmm_top_difference(now->live_blocks, mark->live_blocks);
    row->figure[LMM_TOP_BYTES] = lmm_top_difference(now->live_bytes, mark->live_bytes);
    row->figure[LMM_TOP_SLOTS] = lmm_top_difference(now->slots, mark->slots);
    row->figure[LMM_TOP_PAGES] = lmm_top_difference(now->pages, mark->pages);
    row->figure[LMM_TOP_MAPPED] = lmm_top_difference(now->mapped_bytes, mark->mapped_bytes);
    row->figure[LMM_TOP_COMMITTED] =
        lmm_top_difference(now->committed_bytes, mark->committed_bytes);
    row->figure[LMM_TOP_ALLOCATIONS] = lmm_top_difference(now->allocations, mark->allocations);
    row->figure[LMM_TOP_FREES] = lmm_top_difference(now->frees, mark->frees);
    row->figure[LMM_TOP_ALLOCATION_RATE] = lmm_top_figure_of(track->allocation_rate);
    row->figure[LMM_TOP_FREE_RATE] = lmm_top_figure_of(track->free_rate);
    row->figure[LMM_TOP_BYTES_RATE] = track->bytes_rate;
    row->figure[LMM_TOP_BLOCKS_RATE] = track->blocks_rate;
}

static void fill_family(struct lmm_top_row *row, const struct lmm_top_family *item, bool marked)
{
    const struct lmm_model_family *family = item->family;

    *row = (struct lmm_top_row) {.identity = item->serial, .name = family->name, .family = item};
    fill_counts(row, &item->track, marked);
    row->figure[LMM_TOP_PEAK] = lmm_top_figure_of(family->peak_bytes);
    row->figure[LMM_TOP_SIZE] = lmm_top_figure_of(family->size_bytes);
    row->figure[LMM_TOP_USE] = family->occupancy_permille;
    row->figure[LMM_TOP_PAGE_SLOTS] = lmm_top_figure_of(per(family->slots, family->pages));
    row->figure[LMM_TOP_PAGE_BYTES] = lmm_top_figure_of(per(family->mapped_bytes, family->pages));
}

/* ---- Rows ------------------------------------------------------------------------------------ */

void lmm_top_rows_close(struct lmm_top_rows *rows)
{
    free(rows->row);
    *rows = (struct lmm_top_rows) {.row = NULL};
}

static bool make_room(struct lmm_top_rows *rows, size_t count)
{
    lmm_top_rows_close(rows);
    rows->row = calloc(count + 1, sizeof(*rows->row));
    return rows->row != NULL;
}

bool lmm_top_rows_of_families(struct lmm_top_rows *rows, const struct lmm_top_history *history,
                              const char *filter)
{
    if (!make_room(rows, history->family_count)) {
        return false;
    }
    for (size_t i = 0; i < history->family_count; i++) {
        const struct lmm_top_family *item = &history->family[i];

        if (lmm_top_passes(item->family->name, filter)) {
            fill_family(&rows->row[rows->count++], item, history->marked);
        } else {
            rows->hidden++;
        }
    }
    return true;
}

/* Adds the figures of a site to the row of its place. */
static void add_site(struct lmm_top_row *row, const struct lmm_top_history *history,
                     const struct lmm_model_site *site)
{
    struct lmm_top_row one = {.identity = 0};
    int64_t *peak = &row->figure[LMM_TOP_PEAK];

    fill_counts(&one, &history->site_track[site->id], history->marked);
    if (__builtin_add_overflow(*peak, lmm_top_figure_of(site->peak_bytes), peak)) {
        *peak = INT64_MAX;
    }
    for (int i = 0; i <= LMM_TOP_BLOCKS_RATE; i++) {
        if (__builtin_add_overflow(row->figure[i], one.figure[i], &row->figure[i])) {
            row->figure[i] = one.figure[i] > 0 ? INT64_MAX : -INT64_MAX;
        }
    }
}

static bool is_in_scope(const struct lmm_top_scope *scope, const struct lmm_model *model, size_t i)
{
    return (scope->family == NULL || model->sites[i].family == scope->family->family) &&
           (scope->line == 0 || scope->lines->keys[scope->lines->of[i]] == scope->line) &&
           (scope->type == 0 || scope->types->keys[scope->types->of[i]] == scope->type);
}

/* Returns the name of the row of a site's type. */
static struct lmm_string type_name(const struct lmm_model *model, const struct lmm_model_site *site)
{
    struct lmm_model_type type;

    lmm_site_type(model, site, &type);
    if (lmm_site_type_is_known(&type)) {
        return type.name;
    }
    return lmm_site_type_lack(&type) == NULL ? lmm_string_of("(unknown)") : type.lacking;
}

bool lmm_top_rows_of_places(struct lmm_top_rows *rows, const struct lmm_top_history *history,
                            const struct lmm_model *model, const struct lmm_places *places,
                            const struct lmm_top_scope *scope, const char *filter)
{
    bool are_types = places == scope->types;
    size_t *numbers =
        calloc(places->count + 1, sizeof(*numbers)); /* of the place's row, from 1 on */

    if (!make_room(rows, places->count) || numbers == NULL) {
        lmm_top_rows_close(rows);
        free(numbers);
        return false;
    }
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];
        struct lmm_string name = are_types ? type_name(model, site) : site->file;
        size_t *number = &numbers[places->of[i]];

        if (!is_in_scope(scope, model, i)) {
            continue;
        }
        if (*number == 0 &&
            !(are_types ? lmm_top_passes(name, filter) : site_passes(site, filter))) {
            /* nor do the place's other sites */
            *number = HIDDEN;
            rows->hidden++;
        } else if (*number == 0) {
            *number = ++rows->count;
            rows->row[*number - 1] = (struct lmm_top_row) {.identity = places->keys[places->of[i]],
                                                           .name = name,
                                                           .site = site,
                                                           .type = site->type};
        }
        if (*number != HIDDEN) {
            struct lmm_top_row *row = &rows->row[*number - 1];

            row->site = site->id < row->site->id ? site : row->site;
            row->type = lmm_site_type_common(row->type, site->type);
            add_site(row, history, site);
        }
    }
    free(numbers);
    return true;
}

size_t lmm_top_row_trend(const struct lmm_top_row *row, const struct lmm_top_history *history,
                         const struct lmm_model *model, const struct lmm_places *places,
                         const struct lmm_top_scope *scope, uint64_t *ret_samples)
{
    size_t count = 0;

    memset(ret_samples, 0, LMM_TOP_SAMPLES * sizeof(*ret_samples));
    for (size_t i = 0; i < model->site_count; i++) {
        if (places->keys[places->of[i]] == row->identity && is_in_scope(scope, model, i)) {
            count = lmm_top_history_add_trend(history, model->sites[i].id, ret_samples);
        }
    }
    return count;
}

void lmm_top_rows_drop_zeros(struct lmm_top_rows *rows, bool totals)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const int64_t *figure = rows->row[i].figure;
        bool acts = totals ? figure[LMM_TOP_ALLOCATIONS] != 0 || figure[LMM_TOP_FREES] != 0
                           : figure[LMM_TOP_ALLOCATION_RATE] != 0 || figure[LMM_TOP_FREE_RATE] != 0;

        if (acts || figure[LMM_TOP_BLOCKS] != 0 || figure[LMM_TOP_BYTES] != 0) {
            rows->row[kept++] = rows->row[i];
        }
    }
    rows->count = kept;
}

bool lmm_top_rows_of_processes(struct lmm_top_rows *rows, const struct lmm_ledger_list *ledgers,
                               const int64_t *live_bytes, const char *program, uint64_t now_ns,
                               const char *filter)
{
    if (!make_room(rows, ledgers->count)) {
        return false;
    }
    for (size_t i = 0; i < ledgers->count; i++) {
        const struct lmm_ledger_entry *entry = &ledgers->entry[i];
        const char *name = entry->program == NULL ? "" : entry->program;
        struct lmm_top_row *row = &rows->row[rows->count];
        uint64_t age_ns = now_ns > entry->start_time_ns ? now_ns - entry->start_time_ns : 0;

        if (!lmm_process_runs(entry->state) || (program != NULL && strcmp(name, program) != 0)) {
            continue;
        }
        if (!lmm_top_passes(lmm_string_of(name), filter)) {
            rows->hidden++;
            continue;
        }
        *row = (struct lmm_top_row) {.identity = (entry->start_time_ns << 22) ^ entry->pid,
                                     .name = lmm_string_of(name),
                                     .entry = entry};
        row->figure[LMM_TOP_PID] = entry->pid;
        row->figure[LMM_TOP_AGE] = lmm_top_figure_of(age_ns);
        row->figure[LMM_TOP_BYTES] = live_bytes == NULL ? -1 : live_bytes[i];
        rows->count++;
    }
    return true;
}

/* ---- Order ----------------------------------------------------------------------------------- */

struct order {
    enum lmm_top_figure figure;
    bool descending;
};

static int compare_names(const struct lmm_top_row *a, const struct lmm_top_row *b)
{
    int order = lmm_compare_strings(a->name, b->name);

    if (order == 0 && a->site != NULL && b->site != NULL) {
        order = lmm_compare_u64(a->site->line, b->site->line);
    }
    return order;
}

static int compare_rows(const void *left, const void *right, void *context)
{
    const struct lmm_top_row *a = left;
    const struct lmm_top_row *b = right;
    const struct order *by = context;
    int order = by->figure == LMM_TOP_NAME
                    ? compare_names(a, b)
                    : lmm_compare_i64(a->figure[by->figure], b->figure[by->figure]);

    order = by->descending ? -order : order;
    order = order != 0 ? order : compare_names(a, b);
    return order != 0 ? order : lmm_compare_u64(a->identity, b->identity);
}

void lmm_top_rows_sort(struct lmm_top_rows *rows, const struct lmm_top_key *key, bool reversed)
{
    struct order by = {key->figure, key->ascending == reversed};

    if (rows->count > 1) {
        qsort_r(rows->row, rows->count, sizeof(*rows->row), compare_rows, &by);
    }
}

/* ---- The selected row ------------------------------------------------------------------------ */

static void find_held(struct lmm_top_cursor *cursor, const struct lmm_top_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->row[i].identity == cursor->identity) {
            cursor->at = i;
            return;
        }
    }
}

void lmm_top_cursor_follow(struct lmm_top_cursor *cursor, const struct lmm_top_rows *rows,
                           size_t shown)
{
    assert(shown > 0);
    if (cursor->held) {
        find_held(cursor, rows);
    } else {
        cursor->at = 0;
    }
    if (cursor->at >= rows->count) {
        cursor->at = rows->count == 0 ? 0 : rows->count - 1;
    }
    if (cursor->first + shown > rows->count) {
        cursor->first = rows->count > shown ? rows->count - shown : 0;
    }
    if (cursor->at < cursor->first) {
        cursor->first = cursor->at;
    }
    if (cursor->at >= cursor->first + shown) {
        cursor->first = cursor->at - shown + 1;
    }
    assert(cursor->first <= cursor->at && cursor->at < cursor->first + shown); /* I3 */
}

void lmm_top_cursor_move(struct lmm_top_cursor *cursor, const struct lmm_top_rows *rows, int64_t by)
{
    size_t step = (size_t) (by < 0 ? -by : by);

    if (rows->count == 0) {
        return;
    }
    if (by < 0) {
        cursor->at = cursor->at > step ? cursor->at - step : 0;
    } else {
        cursor->at = step < rows->count - cursor->at ? cursor->at + step : rows->count - 1;
    }
    cursor->identity = rows->row[cursor->at].identity;
    cursor->held = true;
}

void lmm_top_cursor_home(struct lmm_top_cursor *cursor)
{
    cursor->held = false;
    cursor->at = 0;
    cursor->first = 0;
}
