/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/clock.h"
#include "reporter/program/base/program.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/serve/history_store.h"
#include "reporter/program/serve/observed.h"

enum {
    COPY_SECONDS = 60,   /* between two copies of a ledger */
    SWEEP_SECONDS = 600, /* between two removals of old ones */
};

struct lmm_past {
    struct lmm_history_store *store;
    struct lmm_ledger_copies *copies;
    uint64_t written_ns; /* these two: CLOCK_MONOTONIC */
    uint64_t swept_ns;
};

struct lmm_past *lmm_past_open(const char *folder)
{
    struct lmm_past *past = calloc(1, sizeof(*past));

    if (past == NULL) {
        lmm_complain("%s", strerror(ENOMEM));
        return NULL;
    }
    past->store = lmm_history_store_open(folder);
    past->copies = past->store == NULL ? NULL : lmm_ledger_copies_open(folder);
    if (past->copies == NULL) {
        lmm_past_close(past);
        return NULL;
    }
    lmm_ledger_copies_sweep(past->copies);
    return past;
}

void lmm_past_close(struct lmm_past *past)
{
    if (past != NULL) {
        lmm_history_store_close(past->store);
        lmm_ledger_copies_close(past->copies);
        free(past);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

void lmm_past_load(struct lmm_past *past, struct lmm_observed *observed)
{
    if (past != NULL) {
        lmm_history_store_load(past->store, &observed->id, observed->timeline);
    }
}

struct lmm_copy_list lmm_past_list(struct lmm_past *past)
{
    return past == NULL ? (struct lmm_copy_list) {NULL, 0} : lmm_ledger_copies_list(past->copies);
}

struct lmm_observed *lmm_past_observe(struct lmm_past *past, const struct lmm_ledger_copy *copy)
{
    const struct lmm_ledger_entry entry = {
        .path = copy->path,
        .pid = copy->id.pid,
        .start_time_ns = copy->id.start_ns,
        .state = copy->state,
    };
    struct lmm_observed *observed;
    struct lmm_snapshot *snapshot;

    /* Perhaps its ledger is in a folder where this server does not look. */
    if (copy->state == LMM_PROCESS_LOST && lmm_process_is_since(copy->id.pid, copy->written_ns)) {
        return NULL;
    }
    observed = lmm_observed_new(&entry);
    if (observed == NULL) {
        return NULL;
    }
    observed->is_removed = true;
    observed->is_stored = true;
    observed->end_ns = copy->end_ns;
    lmm_past_load(past, observed);
    snapshot = lmm_observed_read(observed);
    if (snapshot == NULL) {
        lmm_observed_free(observed);
        return NULL;
    }
    if (lmm_timeline_count(observed->timeline) == 0) {
        lmm_observed_note(observed, snapshot);
    }
    observed->noted_read_ns = observed->stored_read_ns = observed->read_ns;
    lmm_snapshot_free(snapshot);
    return observed;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void keep_copy(struct lmm_past *past, struct lmm_observed *observed,
                      const struct lmm_snapshot *snapshot)
{
    const struct lmm_ledger_copy what = {
        .id = observed->id, .state = observed->state, .end_ns = observed->end_ns};

    observed->copied_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    observed->copied_calls = observed->facts.allocations + observed->facts.frees;
    lmm_ledger_copies_keep(past->copies, &what, snapshot);
}

void lmm_past_end(struct lmm_past *past, struct lmm_observed *observed,
                  const struct lmm_snapshot *snapshot)
{
    char *path;

    if (past == NULL || observed->is_stored || observed->is_naming) {
        return;
    }
    if (snapshot != NULL) {
        keep_copy(past, observed, snapshot);
    }
    path = observed->is_removed ? lmm_ledger_copies_find(past->copies, &observed->id) : NULL;
    if (path != NULL) {
        free(observed->path);
        observed->path = path;
        observed->is_stored = true;
    }
}

/* Copies the ledger of a process that runs, if it is time and anything has changed. */
static void copy_again(struct lmm_past *past, struct lmm_observed *observed, uint64_t now_ns)
{
    const struct lmm_snapshot *last = lmm_observed_last(observed);

    if (last != NULL && lmm_observed_runs(observed) &&
        observed->facts.allocations + observed->facts.frees != observed->copied_calls &&
        now_ns >= observed->copied_ns + COPY_SECONDS * LMM_NS_PER_SECOND) {
        keep_copy(past, observed, last);
    }
}

void lmm_past_write(struct lmm_past *past, struct lmm_observed *const *items, size_t count,
                    uint64_t now_ns)
{
    if (past == NULL || now_ns < past->written_ns + LMM_STORE_SECONDS * LMM_NS_PER_SECOND) {
        return;
    }
    past->written_ns = now_ns;
    lmm_history_store_begin(past->store);
    for (size_t i = 0; i < count; i++) {
        struct lmm_observed *observed = items[i];

        if (observed->noted_read_ns != observed->stored_read_ns) {
            observed->stored_read_ns = observed->noted_read_ns;
            lmm_history_store_add(past->store, &observed->id, observed->timeline);
        }
        copy_again(past, observed, now_ns);
    }
    lmm_history_store_end(past->store);
    if (now_ns >= past->swept_ns + SWEEP_SECONDS * LMM_NS_PER_SECOND) {
        past->swept_ns = now_ns;
        lmm_ledger_copies_sweep(past->copies);
    }
}
