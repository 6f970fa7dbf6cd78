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
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/symbols/symbols.h"

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
    if (observed->path == NULL || observed->binary == NULL || observed->program == NULL) {
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
    lmm_snapshot_free(observed->snapshot);
    lmm_symbols_close(observed->symbols);
    lmm_answer_drop(observed->row);
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

/* At a clean end without leaks the file is removed: the process exited. */
static void set_removed(struct lmm_observed *observed)
{
    if (!observed->is_removed && access(observed->path, F_OK) != 0 && errno == ENOENT) {
        set_state(observed, LMM_PROCESS_EXITED, 0);
        observed->is_removed = true;
        observed->gone_ns = lmm_clock_ns(CLOCK_MONOTONIC);
        observed->trouble.text[0] = '\0';
        observed->memory = (struct lmm_memory_use) {0};
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
    observed->trouble.text[0] = '\0';
    set_state(observed, snapshot->state, snapshot->model->end_time_ns);
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

void lmm_observed_take(struct lmm_observed *observed, struct lmm_snapshot *snapshot)
{
    lmm_snapshot_free(observed->snapshot);
    observed->snapshot = snapshot;
    observed->frames = snapshot->model->frame_count;
    observed->modules = snapshot->model->module_count;
}

/* ---- Words ----------------------------------------------------------------------------------- */

const char *lmm_observed_names(const struct lmm_observed *observed)
{
    if (!observed->facts.has_stacks) {
        return "none";
    }
    return observed->snapshot == NULL ? "waiting" : "ready";
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
    lmm_json_text(json, "names", lmm_observed_names(observed));
    lmm_json_text(json, "trouble", observed->trouble.text);
    lmm_json_end_object(json);
}
