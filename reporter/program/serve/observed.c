/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/observed.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/names.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/serve/live_page.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_channel.h"
#include "reporter/program/symbols/symbols.h"

enum {
    ADVICE_SECONDS = 10, /* these two: see lmm_observed_set_advised() */
    ADVICE_SHARE = 100,
};

/* An hour of readings, one a second, and then fewer. */
static const struct lmm_timeline_limits limits = {.points = 7200, .recent = 3600, .bytes = 1 << 20};

struct lmm_observed *lmm_observed_new(const struct lmm_ledger_entry *entry)
{
    struct lmm_observed *observed = calloc(1, sizeof(*observed));

    if (observed == NULL) {
        return NULL;
    }
    observed->id = (struct lmm_process_id) {entry->pid, entry->start_time_ns};
    snprintf(observed->id_text, sizeof(observed->id_text), "%" PRIu32 ".%" PRIu64, entry->pid,
             entry->start_time_ns);
    observed->state = entry->state;
    observed->path = strdup(entry->path);
    observed->binary = strdup(entry->program == NULL ? "" : entry->program);
    observed->program = strdup(entry->program == NULL ? "" : entry->program);
    observed->timeline = lmm_timeline_new(&limits);
    if (observed->path == NULL || observed->binary == NULL || observed->program == NULL ||
        observed->timeline == NULL) {
        lmm_observed_free(observed);
        return NULL;
    }
    return observed;
}

void lmm_observed_free(struct lmm_observed *observed)
{
    if (observed == NULL) {
        return;
    }
    assert(!observed->is_naming);
    lmm_live_page_free(observed->page, true);
    lmm_snapshot_free(observed->latest);
    lmm_snapshot_free(observed->named);
    for (size_t i = 0; i < LMM_OBSERVED_MARKS; i++) {
        lmm_snapshot_free(observed->marks[i].snapshot);
    }
    lmm_timeline_free(observed->timeline);
    lmm_symbols_close(observed->symbols);
    lmm_answer_drop(observed->row);
    lmm_answer_drop(observed->provisional);
    free(observed->path);
    free(observed->binary);
    free(observed->program);
    free(observed->command);
    free(observed);
}

bool lmm_observed_runs(const struct lmm_observed *observed)
{
    return !observed->is_removed && lmm_process_runs(observed->state);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Sets *text to a copy of string, where it is another one. */
static void set_text(char **text, struct lmm_string string)
{
    if (*text == NULL || strlen(*text) != string.bytes ||
        memcmp(*text, string.text, string.bytes) != 0) {
        char *copy = strndup(string.text, string.bytes);

        if (copy != NULL) {
            free(*text);
            *text = copy;
        }
    }
}

static void set_facts(struct lmm_observed *observed, const struct lmm_model *model)
{
    observed->facts = (struct lmm_observed_facts) {
        .live_bytes = model->total.live_bytes,
        .live_blocks = model->total.live_blocks,
        .peak_bytes = model->peak_bytes,
        .committed_bytes = model->total.committed_bytes,
        .allocations = model->total.allocations,
        .frees = model->total.frees,
        .parent_pid = model->parent_pid,
        .is_typed = !model->is_drop_in,
        .has_stacks = model->frame_count > 1,
        .has_check = model->check.is_there && model->check.failure == 0,
    };
    for (unsigned i = 0; i < LMM_MODEL_CLASSES; i++) {
        observed->facts.classes[i] = model->check.of[i];
    }
    set_text(&observed->binary, model->program);
    set_text(&observed->program, lmm_model_name(model));
    set_text(&observed->command, model->command);
}

/* A process that ends without a word in its ledger has ended when that was first seen. */
static void set_state(struct lmm_observed *observed, enum lmm_process_state state,
                      uint64_t told_end_ns)
{
    bool ran = observed->was_read && lmm_observed_runs(observed);

    observed->state = state;
    if (lmm_process_runs(state)) {
        observed->end_ns = 0;
    } else if (told_end_ns != 0) {
        observed->end_ns = told_end_ns;
    } else if (ran) {
        observed->end_ns = lmm_clock_ns(CLOCK_REALTIME);
    }
}

static uint64_t since_start(const struct lmm_observed *observed, uint64_t time_ns)
{
    return time_ns > observed->id.start_ns ? time_ns - observed->id.start_ns : 0;
}

static void add_mark(struct lmm_observed *observed, enum lmm_timeline_mark_kind kind,
                     uint64_t time_ns, struct lmm_string text)
{
    char *copy = lmm_name_exact(text);

    if (copy != NULL) {
        (void) lmm_timeline_mark(
            observed->timeline,
            &(struct lmm_timeline_mark) {since_start(observed, time_ns), kind, 1, copy});
        free(copy);
    }
}

static void note_end(struct lmm_observed *observed)
{
    if (observed->end_ns != 0) {
        add_mark(observed,
                 observed->state == LMM_PROCESS_REPLACED ? LMM_TIMELINE_EXEC : LMM_TIMELINE_EXIT,
                 observed->end_ns, lmm_string_of(lmm_observed_state(observed)));
    }
}

/* A reading that was made before the ledger was removed does not say that the process has ended. */
static void set_end(const struct lmm_observed *observed, struct lmm_model *model)
{
    if (observed->is_removed) {
        model->process = observed->state == LMM_PROCESS_KILLED     ? LMM_MODEL_KILLED
                         : observed->state == LMM_PROCESS_REPLACED ? LMM_MODEL_REPLACED
                         : observed->state == LMM_PROCESS_LOST     ? LMM_MODEL_LOST
                                                                   : LMM_MODEL_EXITED;
        model->end_time_ns = observed->end_ns;
    }
}

/* A ledger that was removed cannot be read again: its last reading gets the end. */
static void show_end(struct lmm_observed *observed)
{
    struct lmm_model *model = lmm_observed_model(observed);

    if (model != NULL) {
        set_end(observed, model);
    }
    if (observed->page != NULL && observed->latest == NULL) {
        const struct lmm_page_moment moment = lmm_observed_moment(observed, model);

        (void) lmm_live_page_take(observed->page, &moment);
    }
}

/* At a clean end without leaks the file is removed: a process that ran has exited. */
static void set_removed(struct lmm_observed *observed)
{
    if (!observed->is_removed && access(observed->path, F_OK) != 0 && errno == ENOENT) {
        if (lmm_observed_runs(observed)) {
            set_state(observed, LMM_PROCESS_EXITED, 0);
            note_end(observed);
        }
        observed->is_removed = true;
        observed->gone_ns = lmm_clock_ns(CLOCK_MONOTONIC);
        observed->trouble.text[0] = '\0';
        observed->memory = (struct lmm_memory_use) {0};
        show_end(observed);
    }
}

/* A copy of a ledger that was removed has the figures of the time when it was made, and the end is known. */
static void take_stored(struct lmm_observed *observed, struct lmm_model *model)
{
    bool is_first = !observed->was_read;

    observed->read_ns = observed->end_ns != 0 ? observed->end_ns : model->snapshot_time_ns;
    set_end(observed, model);
    set_facts(observed, model);
    observed->was_read = true;
    if (is_first) {
        note_end(observed);
    }
}

struct lmm_snapshot *lmm_observed_read(struct lmm_observed *observed)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_try(observed->path, &observed->trouble);

    if (snapshot != NULL && (snapshot->model->pid != observed->id.pid ||
                             snapshot->model->start_time_ns != observed->id.start_ns)) {
        lmm_snapshot_free(snapshot); /* the path has the ledger of another process now */
        snapshot = NULL;
        lmm_reason_set(&observed->trouble, "the ledger is that of another process");
    }
    if (snapshot == NULL) {
        set_removed(observed);
        return NULL;
    }
    bool ran = observed->was_read && lmm_observed_runs(observed);

    observed->trouble.text[0] = '\0';
    if (observed->is_stored) {
        take_stored(observed, snapshot->model);
        return snapshot;
    }
    set_state(observed, snapshot->state, snapshot->model->end_time_ns);
    if (snapshot->model->end_time_ns == 0) {
        snapshot->model->end_time_ns = observed->end_ns;
    }
    if (ran && !lmm_observed_runs(observed)) {
        note_end(observed);
    }
    set_facts(observed, snapshot->model);
    observed->was_read = true;
    observed->read_ns = lmm_clock_ns(CLOCK_REALTIME);
    observed->memory = (struct lmm_memory_use) {0};
    if (observed->state == LMM_PROCESS_LIVE || observed->state == LMM_PROCESS_LOST) {
        lmm_memory_use_read(observed->id.pid, &observed->memory);
    }
    return snapshot;
}

bool lmm_observed_knows(const struct lmm_observed *observed, const struct lmm_snapshot *snapshot)
{
    const struct lmm_model *model = snapshot->model;

    return model->frame_count <= 1 ||
           (observed->symbols != NULL && model->frame_count == observed->frames &&
            model->module_count == observed->modules);
}

static void add_point(struct lmm_observed *observed, const struct lmm_snapshot *snapshot,
                      uint64_t read_ns)
{
    const struct lmm_model *model = snapshot->model;
    struct lmm_timeline_point point = {
        .time_ns = since_start(observed, read_ns),
        .resident_bytes = observed->memory.resident_bytes,
        .minor_faults = observed->memory.minor_faults,
        .major_faults = observed->memory.major_faults,
    };

    if (read_ns == observed->noted_read_ns) {
        return;
    }
    observed->noted_read_ns = read_ns;
    (void) lmm_timeline_add_model(observed->timeline, &point, model);
    if (model->mark.number > observed->mark) {
        observed->mark = model->mark.number;
        add_mark(observed, LMM_TIMELINE_MARK, model->mark.time_ns, model->mark.text);
    }
    if (model->check.is_there && model->check.time_ns != observed->check_ns) {
        observed->check_ns = model->check.time_ns;
        add_mark(observed, LMM_TIMELINE_LEAK_CHECK, model->check.time_ns, lmm_string_of(""));
    }
}

void lmm_observed_note(struct lmm_observed *observed, const struct lmm_snapshot *snapshot)
{
    if (!lmm_observed_is_followed(observed)) {
        add_point(observed, snapshot, observed->read_ns);
    }
}

/* ---- Readings that are kept ------------------------------------------------------------------ */

void lmm_observed_keep(struct lmm_observed *observed, struct lmm_snapshot *snapshot)
{
    lmm_snapshot_free(observed->latest);
    observed->latest = snapshot;
}

const struct lmm_snapshot *lmm_observed_last(const struct lmm_observed *observed)
{
    return observed->latest != NULL ? observed->latest : observed->named;
}

struct lmm_model *lmm_observed_model(const struct lmm_observed *observed)
{
    const struct lmm_snapshot *last = lmm_observed_last(observed);

    return last == NULL ? NULL : last->model;
}

struct lmm_page_moment lmm_observed_moment(const struct lmm_observed *observed,
                                           const struct lmm_model *model)
{
    return (struct lmm_page_moment) {
        .model = model,
        .made_time_ns = observed->read_ns,
        .resident_bytes = observed->memory.resident_bytes,
        .limit_bytes = observed->limit_bytes,
        .is_limit_given = observed->is_limit_given,
    };
}

void lmm_observed_take(struct lmm_observed *observed, struct lmm_snapshot *snapshot,
                       uint64_t read_ns)
{
    struct lmm_page_moment moment = lmm_observed_moment(observed, snapshot->model);

    moment.made_time_ns = read_ns;
    set_end(observed, snapshot->model);
    add_point(observed, snapshot, read_ns);
    if (observed->page == NULL) {
        observed->page = lmm_live_page_new(observed->timeline);
    }
    if (observed->page != NULL && !lmm_live_page_take(observed->page, &moment)) {
        lmm_live_page_free(observed->page, false);
        observed->page = NULL;
    }
    lmm_answer_drop(observed->provisional);
    observed->provisional = NULL;
    lmm_snapshot_free(observed->named);
    observed->named = snapshot;
    observed->named_read_ns = read_ns;
    observed->frames = snapshot->model->frame_count;
    observed->modules = snapshot->model->module_count;
    if (read_ns == observed->read_ns) {
        lmm_observed_keep(observed, NULL);
    }
}

void lmm_observed_outdate(struct lmm_observed *observed)
{
    lmm_observed_keep(observed, NULL);
    observed->named_read_ns = 0;
}

struct lmm_snapshot *lmm_observed_latest(struct lmm_observed *observed)
{
    struct lmm_snapshot *snapshot = observed->latest;

    observed->latest = NULL;
    if (snapshot == NULL && (!observed->is_removed || observed->is_stored)) {
        snapshot = lmm_observed_read(observed);
    }
    return snapshot;
}

/* ---- Advice ---------------------------------------------------------------------------------- */

void lmm_observed_set_advised(struct lmm_observed *observed)
{
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    uint64_t wait_ns = (now_ns - observed->advice_ns) * ADVICE_SHARE;
    uint64_t least_ns = ADVICE_SECONDS * LMM_NS_PER_SECOND;

    observed->advice_due_ns = now_ns + (wait_ns > least_ns ? wait_ns : least_ns);
}

bool lmm_observed_is_advice_old(const struct lmm_observed *observed, uint64_t now_ns)
{
    return observed->advice_due_ns != 0 && now_ns >= observed->advice_due_ns &&
           lmm_observed_is_followed(observed);
}

/* ---- Marks ----------------------------------------------------------------------------------- */

void lmm_observed_keep_mark(struct lmm_observed *observed, uint32_t number,
                            struct lmm_snapshot *snapshot)
{
    lmm_snapshot_free(observed->marks[0].snapshot);
    memmove(&observed->marks[0], &observed->marks[1],
            (LMM_OBSERVED_MARKS - 1) * sizeof(observed->marks[0]));
    observed->marks[LMM_OBSERVED_MARKS - 1] = (struct lmm_observed_mark) {number, snapshot};
}

struct lmm_snapshot *lmm_observed_mark(const struct lmm_observed *observed, uint32_t number)
{
    for (size_t i = 0; i < LMM_OBSERVED_MARKS && number != 0; i++) {
        if (observed->marks[i].number == number) {
            return observed->marks[i].snapshot;
        }
    }
    return NULL;
}

static void forget(struct lmm_observed *observed)
{
    bool can_read = observed->is_stored || (!observed->is_removed && !lmm_observed_runs(observed));

    lmm_live_page_free(observed->page, false);
    observed->page = NULL;
    observed->advice_due_ns = 0;
    if (observed->latest == NULL && !can_read) {
        observed->latest = observed->named;
    } else {
        lmm_snapshot_free(observed->named);
    }
    observed->named = NULL;
    if (can_read) {
        lmm_observed_keep(observed, NULL);
    }
}

bool lmm_observed_is_followed(const struct lmm_observed *observed)
{
    return observed->page != NULL && lmm_channel_is_followed(lmm_live_page_channel(observed->page));
}

void lmm_observed_forget_unused(struct lmm_observed *observed, uint64_t now_ns)
{
    if (lmm_observed_is_followed(observed)) {
        observed->used_ns = now_ns;
    }
    if (!observed->is_naming && observed->used_ns != 0 &&
        now_ns >= observed->used_ns + LMM_OBSERVED_KEPT_SECONDS * LMM_NS_PER_SECOND) {
        observed->used_ns = 0;
        forget(observed);
    }
}

/* ---- Words ----------------------------------------------------------------------------------- */

const char *lmm_observed_names(const struct lmm_observed *observed)
{
    if (!observed->facts.has_stacks) {
        return "none";
    }
    return observed->symbols == NULL ? "waiting" : "ready";
}

const char *lmm_observed_state(const struct lmm_observed *observed)
{
    static const char *const words[] = {
        [LMM_PROCESS_LIVE] = "running",      [LMM_PROCESS_LOST] = "lost",
        [LMM_PROCESS_EXITED] = "exited",     [LMM_PROCESS_KILLED] = "killed",
        [LMM_PROCESS_REPLACED] = "replaced", [LMM_PROCESS_SNAPSHOT] = "unknown",
        [LMM_PROCESS_LOST_ENDED] = "exited", [LMM_PROCESS_UNKNOWN] = "unknown",
    };

    return words[observed->state];
}

void lmm_observed_put(struct lmm_json *json, const struct lmm_observed *observed)
{
    const struct lmm_observed_facts *facts = &observed->facts;

    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_text(json, "id", observed->id_text);
    lmm_json_u64(json, "pid", observed->id.pid);
    lmm_json_u64(json, "parent_pid", facts->parent_pid);
    lmm_json_u64(json, "start_time_ns", observed->id.start_ns);
    lmm_json_u64(json, "end_time_ns", observed->end_ns);
    lmm_json_text(json, "program", observed->program);
    lmm_json_text(json, "command", observed->command == NULL ? "" : observed->command);
    lmm_json_text(json, "state", lmm_observed_state(observed));
    lmm_json_bool(json, "is_removed", observed->is_removed);
    lmm_json_bool(json, "is_typed", facts->is_typed);
    lmm_json_u64(json, "live_bytes", facts->live_bytes);
    lmm_json_u64(json, "live_blocks", facts->live_blocks);
    lmm_json_u64(json, "peak_bytes", facts->peak_bytes);
    lmm_json_u64(json, "committed_bytes", facts->committed_bytes);
    lmm_json_u64(json, "allocations", facts->allocations);
    lmm_json_u64(json, "frees", facts->frees);
    lmm_json_u64(json, "resident_bytes", observed->memory.resident_bytes);
    lmm_json_u64(json, "limit_bytes", observed->limit_bytes);
    lmm_json_u64(json, "read_time_ns", lmm_observed_runs(observed) ? 0 : observed->read_ns);
    lmm_json_text(json, "names", lmm_observed_names(observed));
    lmm_json_text(json, "trouble", observed->trouble.text);
    lmm_json_end_object(json);
}
