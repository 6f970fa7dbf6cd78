/* SPDX-License-Identifier: MIT */
/* delta_print: see delta_print.h for the contract. */
#include "reporter/program/change/delta_print.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/base/json_value.h"
#include "reporter/program/base/names.h"
#include "reporter/program/base/table.h"
#include "reporter/core/words.h"

enum {
    JSON_SCHEMA_VERSION = 1,
};

static size_t count_changed(const struct lmm_delta_row *rows, size_t count)
{
    size_t changed = 0;

    for (size_t i = 0; i < count; i++) {
        changed += lmm_delta_row_changed(&rows[i]);
    }
    return changed;
}

/* ---- Text ------------------------------------------------------------------------------------ */

enum {
    BYTES,
    BLOCKS,
    ALLOCATIONS,
    FREES,
    LIVE_BYTES,
    FAMILY,
    FAMILY_COLUMNS,
    ONLY_IN = FAMILY_COLUMNS,
    PLACE,
    SITE_COLUMNS,
};

static const struct lmm_table_column columns[SITE_COLUMNS] = {
    [BYTES] = {"BYTES", true},
    [BLOCKS] = {"BLOCKS", true},
    [ALLOCATIONS] = {"ALLOCATIONS", true},
    [FREES] = {"FREES", true},
    [LIVE_BYTES] = {"LIVE-BYTES", true},
    [FAMILY] = {"FAMILY", false},
    [ONLY_IN] = {"ONLY-IN", false},
    [PLACE] = {"ALLOCATED-AT", false},
};

static void fill_changes(struct lmm_table *table, const struct lmm_delta_row *row)
{
    lmm_table_line(table);
    lmm_table_signed(table, BYTES, lmm_change_growth(row->live_bytes));
    lmm_table_signed(table, BLOCKS, lmm_change_growth(row->live_blocks));
    lmm_table_signed(table, ALLOCATIONS, lmm_change_growth(row->allocations));
    lmm_table_signed(table, FREES, lmm_change_growth(row->frees));
    lmm_table_count(table, LIVE_BYTES, row->live_bytes.after);
    lmm_table_text(table, FAMILY, lmm_name_escaped(row->family));
}

static const char *only_in(const struct lmm_delta_row *row)
{
    if (row->in_before && row->in_after) {
        return "";
    }
    return row->in_after ? "second" : "first";
}

/* The rows that changed, at most `top`. */
static struct lmm_table *table_of(const struct lmm_delta_row *rows, size_t count, size_t top,
                                  bool sites)
{
    struct lmm_table *table = lmm_table_new(columns, sites ? SITE_COLUMNS : FAMILY_COLUMNS);

    for (size_t i = 0; table != NULL && i < count && top > 0; i++) {
        if (!lmm_delta_row_changed(&rows[i])) {
            continue;
        }
        fill_changes(table, &rows[i]);
        if (sites) {
            lmm_table_text(table, ONLY_IN, strdup(only_in(&rows[i])));
            lmm_table_text(table, PLACE,
                           lmm_name_place(rows[i].file, rows[i].line, rows[i].function));
        }
        top--;
    }
    return table;
}

static int put_rows(FILE *out, const char *one, const char *many, const struct lmm_delta_row *rows,
                    size_t count, size_t top, bool sites)
{
    size_t changed = count_changed(rows, count);
    int error = 0;

    if (changed > 0) {
        fprintf(out, "\n%zu %s changed\n", changed, lmm_plural(changed, one, many));
        error = lmm_table_print(table_of(rows, count, top, sites), out);
    }
    if (changed > top) {
        fprintf(out, "... and %zu more %s\n", changed - top, lmm_plural(changed - top, one, many));
    }
    return error;
}

static bool put_process(FILE *out, const struct lmm_model *model)
{
    char *program = lmm_name_escaped(model->program);

    if (program != NULL) {
        fprintf(out, "%s (pid %" PRIu32 ")", program, model->pid);
    }
    free(program);
    return program != NULL;
}

static bool put_title(FILE *out, const struct lmm_delta *delta)
{
    fputs("LMM: change from ", out);
    if (!put_process(out, delta->before)) {
        return false;
    }
    fputs(" to ", out);
    if (!put_process(out, delta->after)) {
        return false;
    }
    fputs("\n", out);
    return true;
}

static void put_notes(FILE *out, const struct lmm_delta *delta)
{
    if (!delta->same_program) {
        fputs("note: these are different programs\n", out);
    } else if (!delta->same_process) {
        fputs("note: these are different processes of one program\n", out);
    }
    if (delta->backwards) {
        fputs("note: the second is older than the first\n", out);
    }
    if (!delta->before->settled || !delta->after->settled) {
        fputs("note: counts were being moved while they were read, and may be off\n", out);
    }
}

static void put_change(FILE *out, struct lmm_change change, const char *one, const char *many)
{
    int64_t growth = lmm_change_growth(change);

    fprintf(out, "%s%" PRId64 " %s", growth > 0 ? "+" : "", growth,
            growth == 1 || growth == -1 ? one : many);
}

static void put_summary(FILE *out, const struct lmm_delta *delta)
{
    const struct lmm_delta_row *total = &delta->total;

    fputs("\nSUMMARY: ", out);
    put_change(out, total->live_blocks, "live block", "live blocks");
    fputs(", ", out);
    put_change(out, total->live_bytes, "live byte", "live bytes");
    fprintf(out, " (%" PRIu64 " -> %" PRIu64 "), ", total->live_bytes.before,
            total->live_bytes.after);
    put_change(out, total->allocations, "allocation", "allocations");
    fputs(", ", out);
    put_change(out, total->frees, "free", "frees");
    fputs("\n", out);
}

int lmm_delta_text(const struct lmm_delta *delta, size_t top, FILE *out)
{
    int error;

    top = top != 0 ? top : LMM_DELTA_TOP;
    if (!put_title(out, delta)) {
        return -ENOMEM;
    }
    put_notes(out, delta);
    error = put_rows(out, "family", "families", delta->families, delta->family_count, top, false);
    if (error == 0) {
        error = put_rows(out, "site", "sites", delta->sites, delta->site_count, top, true);
    }
    if (error == 0) {
        put_summary(out, delta);
    }
    return error;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Each returns a value that json_object_set_new() takes over, or NULL, which it takes for a failure. */

static json_t *change(struct lmm_change figure)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "before", lmm_json_number(figure.before));

    failed |= json_object_set_new(object, "after", lmm_json_number(figure.after));
    failed |= json_object_set_new(object, "growth", json_integer(lmm_change_growth(figure)));
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static int add_changes(json_t *object, const struct lmm_delta_row *row)
{
    return json_object_set_new(object, "live_bytes", change(row->live_bytes)) |
           json_object_set_new(object, "live_blocks", change(row->live_blocks)) |
           json_object_set_new(object, "allocations", change(row->allocations)) |
           json_object_set_new(object, "frees", change(row->frees));
}

static json_t *total_row(const struct lmm_delta_row *row)
{
    json_t *object = json_object();

    if (add_changes(object, row) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *named_row(const struct lmm_delta_row *row, bool site)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "family", lmm_json_string(row->family));

    if (site) {
        failed |= json_object_set_new(object, "file", lmm_json_string(row->file));
        failed |= json_object_set_new(object, "line", lmm_json_number(row->line));
        failed |= json_object_set_new(object, "function", lmm_json_string(row->function));
    }
    failed |= json_object_set_new(object, "in_before", json_boolean(row->in_before));
    failed |= json_object_set_new(object, "in_after", json_boolean(row->in_after));
    failed |= add_changes(object, row);
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *row_list(const struct lmm_delta_row *rows, size_t count, size_t top, bool sites)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < count && json_array_size(list) < top; i++) {
        if (lmm_delta_row_changed(&rows[i]) &&
            json_array_append_new(list, named_row(&rows[i], sites)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *process(const struct lmm_model *model)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "program", lmm_json_string(model->program));

    failed |= json_object_set_new(object, "pid", lmm_json_number(model->pid));
    failed |= json_object_set_new(object, "start_time_ns", lmm_json_number(model->start_time_ns));
    failed |= json_object_set_new(object, "end_time_ns", lmm_json_number(model->end_time_ns));
    failed |=
        json_object_set_new(object, "snapshot_time_ns", lmm_json_number(model->snapshot_time_ns));
    failed |= json_object_set_new(object, "settled", json_boolean(model->settled));
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *document(const struct lmm_delta *delta, size_t top)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "schema", json_string("lmm-diff"));

    failed |= json_object_set_new(object, "schema_version", json_integer(JSON_SCHEMA_VERSION));
    failed |= json_object_set_new(object, "before", process(delta->before));
    failed |= json_object_set_new(object, "after", process(delta->after));
    failed |= json_object_set_new(object, "same_program", json_boolean(delta->same_program));
    failed |= json_object_set_new(object, "same_process", json_boolean(delta->same_process));
    failed |= json_object_set_new(object, "backwards", json_boolean(delta->backwards));
    failed |= json_object_set_new(object, "totals", total_row(&delta->total));
    failed |= json_object_set_new(object, "families",
                                  row_list(delta->families, delta->family_count, top, false));
    failed |=
        json_object_set_new(object, "sites", row_list(delta->sites, delta->site_count, top, true));
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* json_dumpf() cannot tell a failed write from want of memory; out knows about writes. */
int lmm_delta_json(const struct lmm_delta *delta, size_t top, FILE *out)
{
    json_t *object = document(delta, top != 0 ? top : SIZE_MAX);
    int failed;

    if (object == NULL) {
        return -ENOMEM;
    }
    failed = json_dumpf(object, out, JSON_INDENT(2));
    json_decref(object);
    fputs("\n", out);
    return failed != 0 && !ferror(out) ? -ENOMEM : 0;
}
