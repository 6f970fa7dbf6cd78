/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/observer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/serve/live_page.h"
#include "reporter/program/serve/observed.h"
#include "reporter/program/serve/past.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_channel.h"
#include "reporter/program/serve/serve_namer.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"

enum {
    SEARCH_MS = 900,    /* between two searches for ledgers, at least */
    SEARCH_SHARE = 100, /* and so many times what a search takes */
    REST_SHARE = 10,
    LIST_SCHEMA_VERSION = 1,
};

/* ---- The list -------------------------------------------------------------------------------- */

/* Returns the object of a process as the list has it, on one line; NULL: out of memory. */
static struct lmm_answer *make_row(const struct lmm_observed *observed)
{
    struct lmm_answer_json writer;

    if (!lmm_answer_json_begin(&writer, 200, true)) {
        return NULL;
    }
    lmm_observed_put(&writer.json, observed);
    return lmm_answer_json_end(&writer);
}

static void put_rows(struct lmm_sink *sink, const struct lmm_observer *observer,
                     uint64_t newer_than)
{
    bool has_rows = false;

    for (size_t i = 0; i < observer->count; i++) {
        const struct lmm_observed *observed = observer->items[i];

        if (observed->row != NULL && observed->row_sequence > newer_than) {
            lmm_sink_puts(sink, has_rows ? ",\n" : "\n");
            lmm_sink_write(sink, observed->row->bytes, observed->row->size - 1);
            has_rows = true;
        }
    }
}

struct lmm_answer *lmm_observer_list(const struct lmm_observer *observer, bool one_line)
{
    struct lmm_answer *answer = lmm_answer_new(200, "application/json");
    struct lmm_sink sink;

    if (answer == NULL) {
        return NULL;
    }
    answer->one_line = one_line;
    lmm_answer_sink(answer, &sink);
    lmm_sink_printf(&sink,
                    "{\"schema\": \"lmm-processes\", \"schema_version\": %d, \"sequence\": %" PRIu64
                    ", \"time_ns\": %" PRIu64 ",\n\"processes\": [",
                    LIST_SCHEMA_VERSION, observer->sequence, observer->made_ns);
    put_rows(&sink, observer, 0);
    lmm_sink_puts(&sink, "]}\n");
    return lmm_answer_done(answer, lmm_sink_flush(&sink));
}

static struct lmm_answer *whole_list(void *context, uint64_t *ret_sequence)
{
    struct lmm_observer *observer = context;
    struct lmm_answer *list = lmm_observer_list(observer, true);
    struct lmm_answer *event =
        list == NULL ? NULL : lmm_channel_event("processes", observer->sequence, list);

    if (event != NULL) {
        *ret_sequence = observer->sequence;
    }
    return event;
}

/* Returns the event that leads to the list as it is now. gone: the ids of processes that were removed, in JSON. */
static struct lmm_answer *make_changes(const struct lmm_observer *observer, uint64_t before,
                                       const struct lmm_answer *gone)
{
    struct lmm_answer *answer = lmm_answer_new(200, "application/json");
    struct lmm_sink sink;

    if (answer == NULL) {
        return NULL;
    }
    answer->one_line = true;
    lmm_answer_sink(answer, &sink);
    lmm_sink_printf(&sink, "{\"sequence\": %" PRIu64 ", \"time_ns\": %" PRIu64 ", \"changed\": [",
                    observer->sequence, observer->made_ns);
    put_rows(&sink, observer, before);
    lmm_sink_puts(&sink, "], \"gone\": [");
    lmm_sink_write(&sink, gone->bytes, gone->size);
    lmm_sink_puts(&sink, "]}");
    answer = lmm_answer_done(answer, lmm_sink_flush(&sink));
    return answer == NULL ? NULL : lmm_channel_event("changes", observer->sequence, answer);
}

/* Makes the rows anew, and tells those who follow the list. */
static void tell_changes(struct lmm_observer *observer, const struct lmm_answer *gone)
{
    uint64_t before = observer->sequence;
    bool is_changed = gone->size > 0;

    observer->made_ns = lmm_clock_ns(CLOCK_REALTIME);
    for (size_t i = 0; i < observer->count; i++) {
        struct lmm_observed *observed = observer->items[i];
        struct lmm_answer *row = observed->was_read ? make_row(observed) : NULL;

        if (row == NULL || (observed->row != NULL && observed->row->size == row->size &&
                            memcmp(observed->row->bytes, row->bytes, row->size) == 0)) {
            lmm_answer_drop(row);
            continue;
        }
        lmm_answer_drop(observed->row);
        observed->row = row;
        observed->row_sequence = before + 1;
        is_changed = true;
    }
    if (is_changed) {
        observer->sequence++; /* I2 */
        lmm_channel_add(observer->channel, observer->sequence,
                        lmm_channel_is_followed(observer->channel)
                            ? make_changes(observer, before, gone)
                            : NULL);
    }
}

/* ---- Discovery ------------------------------------------------------------------------------- */

/* path: of its ledger; NULL: any. */
static struct lmm_observed *find_process(const struct lmm_observer *observer,
                                         struct lmm_process_id id, const char *path)
{
    for (size_t i = 0; i < observer->count; i++) {
        struct lmm_observed *observed = observer->items[i];

        if (observed->id.pid == id.pid && observed->id.start_ns == id.start_ns &&
            (path == NULL || strcmp(observed->path, path) == 0)) {
            return observed;
        }
    }
    return NULL;
}

/* Takes the process, which may be NULL, and returns whether it was added. */
static bool add_process(struct lmm_observer *observer, struct lmm_observed *observed)
{
    struct lmm_observed **place =
        observed == NULL
            ? NULL
            : lmm_array_add(&observer->items, &observer->count, sizeof(struct lmm_observed *));

    if (place == NULL) {
        lmm_observed_free(observed);
        return false;
    }
    *place = observed;
    return true;
}

static void add_entry(struct lmm_observer *observer, const struct lmm_ledger_entry *entry)
{
    struct lmm_observed *observed = lmm_observed_new(entry);

    if (!add_process(observer, observed)) {
        return;
    }
    lmm_past_load(observer->past, observed);
    observed->is_listed = true;
    observed->limit_bytes = lmm_observed_runs(observed) ? lmm_memory_limit_of(observed->id.pid) : 0;
    if (observed->limit_bytes == 0) {
        observed->limit_bytes = observer->limit_bytes;
        observed->is_limit_given = observer->limit_bytes != 0;
    }
}

static int compare_items(const void *left, const void *right)
{
    const struct lmm_observed *a = *(struct lmm_observed *const *) left;
    const struct lmm_observed *b = *(struct lmm_observed *const *) right;
    int order = lmm_compare_u64(a->id.start_ns, b->id.start_ns);

    return order != 0 ? order : lmm_compare_u64(a->id.pid, b->id.pid);
}

/* Adds processes of the past whose ledgers are gone. dead: how many dead ones there are. */
static void add_past(struct lmm_observer *observer, size_t dead)
{
    struct lmm_copy_list list = lmm_past_list(observer->past);

    for (size_t i = 0; i < list.count && dead < LMM_OBSERVER_DEAD_MAX; i++) {
        if (find_process(observer, list.copies[i].id, NULL) == NULL) {
            dead += add_process(observer, lmm_past_observe(observer->past, &list.copies[i]));
        }
    }
    lmm_copy_list_free(&list);
}

/* Looks for ledgers. One that was found before and is not there any more was removed, which its reading finds. */
static void search(struct lmm_observer *observer)
{
    uint64_t start_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    struct lmm_ledger_list list = lmm_discover_list();
    size_t before = observer->count;
    size_t dead = 0;
    uint64_t now_ns;

    for (size_t i = 0; i < observer->count; i++) {
        observer->items[i]->is_listed = false;
    }
    for (size_t i = list.count; i-- > 0;) { /* the newest first */
        const struct lmm_process_id id = {list.entry[i].pid, list.entry[i].start_time_ns};
        struct lmm_observed *known = find_process(observer, id, list.entry[i].path);

        dead += !lmm_process_runs(list.entry[i].state);
        if (known != NULL) {
            known->is_listed = true;
        } else if (lmm_process_runs(list.entry[i].state) || dead <= LMM_OBSERVER_DEAD_MAX) {
            add_entry(observer, &list.entry[i]);
        }
    }
    lmm_discover_free(&list);
    if (observer->next_search_ns == 0) {
        add_past(observer, dead);
    }
    if (observer->count != before) {
        qsort(observer->items, observer->count, sizeof(struct lmm_observed *), compare_items);
    }
    now_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    observer->next_search_ns =
        now_ns + SEARCH_MS * LMM_NS_PER_MS + (now_ns - start_ns) * SEARCH_SHARE;
}

/* ---- Reading and naming ---------------------------------------------------------------------- */

/* A process whose page takes long gets at most a tenth of the time. */
static void rest(struct lmm_observed *observed, uint64_t start_ns)
{
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);

    observed->rest_ns = now_ns + (now_ns - start_ns) * REST_SHARE;
}

/* Gives the namer a reading. */
static void start_job(struct lmm_observer *observer, struct lmm_observed *observed,
                      struct lmm_snapshot *snapshot, bool wants_advice)
{
    const struct lmm_naming job = {.of = observed,
                                   .symbols = observed->symbols,
                                   .snapshot = snapshot,
                                   .wants_advice = wants_advice};

    observed->symbols = NULL;
    observed->is_naming = true;
    observer->naming = observed;
    observer->naming_read_ns = observed->read_ns;
    lmm_namer_start(observer->namer, &job);
}

/* Names a reading: at once, or by the namer. One that comes while the namer is busy waits without names. */
static void name_reading(struct lmm_observer *observer, struct lmm_observed *observed,
                         struct lmm_snapshot *snapshot)
{
    bool needs_none = snapshot->model->frame_count <= 1;

    if (!needs_none && !lmm_namer_is_idle(observer->namer)) {
        observed->wants_names = true;
        lmm_observed_keep(observed, snapshot);
        return;
    }
    uint64_t start_ns = lmm_clock_ns(CLOCK_MONOTONIC);

    observed->wants_names = false;
    if (needs_none || (lmm_observed_knows(observed, snapshot) &&
                       lmm_types_apply(&observed->symbols, LMM_SYMBOLS_QUIET, snapshot->model))) {
        lmm_observed_take(observed, snapshot, observed->read_ns);
        rest(observed, start_ns);
        return;
    }

    if (observed->named == NULL && observed->provisional == NULL) {
        const struct lmm_page_moment moment = lmm_observed_moment(observed, snapshot->model);

        observed->provisional = lmm_live_page_provisional(&moment);
    }
    start_job(observer, observed, snapshot, false);
}

/* Whether a reading gets names now: while somebody follows the page, and once, as soon as it has stacks. */
static bool is_to_name(const struct lmm_observed *observed, bool had_stacks, uint64_t now_ns)
{
    bool is_due = now_ns >= observed->rest_ns || !lmm_observed_runs(observed);

    return !observed->is_naming &&
           ((lmm_observed_is_followed(observed) && is_due) || observed->wants_names ||
            (!had_stacks && observed->facts.has_stacks));
}

/* Gives the namer a process whose page wants advice, when nobody waits for names. */
static void advise_next(struct lmm_observer *observer)
{
    for (size_t i = 0; i < observer->count && lmm_namer_is_idle(observer->namer); i++) {
        struct lmm_observed *observed = observer->items[i];
        struct lmm_snapshot *snapshot =
            observed->wants_advice && observed->page != NULL ? lmm_observed_latest(observed) : NULL;

        observed->wants_advice = false;
        if (snapshot != NULL) {
            observed->advice_ns = lmm_clock_ns(CLOCK_MONOTONIC);
            start_job(observer, observed, snapshot, true);
        }
    }
}

static void read_one(struct lmm_observer *observer, struct lmm_observed *observed, uint64_t now_ns)
{
    bool ran = lmm_observed_runs(observed);
    bool is_first = !observed->was_read;
    bool had_stacks = observed->facts.has_stacks;
    struct lmm_snapshot *snapshot;

    lmm_observed_forget_unused(observed, now_ns);
    if (observed->is_removed || (!ran && !is_first && observed->is_listed)) {
        return;
    }
    snapshot = lmm_observed_read(observed);
    if (snapshot == NULL) {
        if (observed->is_removed) {
            lmm_past_end(observer->past, observed, lmm_observed_last(observed));
        }
        return;
    }
    lmm_observed_note(observed, snapshot);
    if (!lmm_observed_runs(observed)) {
        lmm_past_end(observer->past, observed, snapshot);
    }
    observed->wants_advice |= lmm_observed_is_advice_old(observed, now_ns);
    if (!ran) { /* what has ended is read again when somebody asks */
        lmm_snapshot_free(snapshot);
    } else if (is_to_name(observed, had_stacks, now_ns)) {
        observed->used_ns = now_ns;
        name_reading(observer, observed, snapshot);
    } else {
        lmm_observed_keep(observed, snapshot);
    }
}

static void put_gone(struct lmm_sink *sink, const struct lmm_observed *observed)
{
    const struct lmm_answer *answer = sink->context;
    bool is_first = sink->used_bytes == 0 && answer->size == 0;

    lmm_sink_printf(sink, "%s\"%s\"", is_first ? "" : ", ", observed->id_text);
}

/* Whether a process whose ledger was removed is listed no longer. */
static bool is_old(const struct lmm_observed *observed, size_t dead, uint64_t now_ns)
{
    if (!observed->is_removed || observed->is_naming) {
        return false;
    }
    return observed->is_stored
               ? dead > LMM_OBSERVER_DEAD_MAX || access(observed->path, F_OK) != 0
               : now_ns >= observed->gone_ns + LMM_OBSERVER_GONE_SECONDS * LMM_NS_PER_SECOND;
}

/* Removes those that are not listed any more. */
static void forget_old(struct lmm_observer *observer, uint64_t now_ns, struct lmm_sink *gone)
{
    size_t dead = 0;
    size_t kept = 0;

    for (size_t i = 0; i < observer->count; i++) {
        dead += observer->items[i]->is_stored;
    }
    for (size_t i = 0; i < observer->count; i++) {
        struct lmm_observed *observed = observer->items[i];

        if (is_old(observed, dead, now_ns)) {
            dead -= observed->is_stored;
            put_gone(gone, observed);
            lmm_observed_free(observed);
        } else {
            observer->items[kept++] = observed;
        }
    }
    observer->count = kept;
}

void lmm_observer_read(struct lmm_observer *observer)
{
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    struct lmm_answer *gone = lmm_answer_new(200, "application/json");
    struct lmm_sink sink;

    if (gone == NULL) {
        return;
    }
    lmm_answer_sink(gone, &sink);
    if (now_ns >= observer->next_search_ns) {
        search(observer);
    }
    for (size_t i = 0; i < observer->count; i++) {
        read_one(observer, observer->items[i], now_ns);
    }
    advise_next(observer);
    lmm_past_write(observer->past, observer->items, observer->count, now_ns);
    forget_old(observer, now_ns, &sink);
    lmm_sink_flush(&sink);
    tell_changes(observer, gone);
    lmm_answer_drop(gone);
}

/* Gives the namer the next process that waits for it. */
static void name_next(struct lmm_observer *observer)
{
    for (size_t i = 0; i < observer->count && lmm_namer_is_idle(observer->namer); i++) {
        size_t turn = (observer->turn + i) % observer->count;
        struct lmm_observed *observed = observer->items[turn];
        struct lmm_snapshot *snapshot =
            observed->wants_names ? lmm_observed_latest(observed) : NULL;

        observed->wants_names = false;
        if (snapshot != NULL) {
            observer->turn = turn + 1;
            name_reading(observer, observed, snapshot);
        }
    }
}

/* The page takes what the job has found of its reading. The namer is idle, so what it uses may be read here. */
static void take_advice(struct lmm_observed *observed, struct lmm_naming *job)
{
    if (observed->page != NULL && job->wants_advice) {
        lmm_observed_set_advised(observed);
        lmm_live_page_advise(observed->page, &job->diet, job->notes, job->note_count);
        job->note_count = 0;
    }
}

bool lmm_observer_take_names(struct lmm_observer *observer)
{
    struct lmm_naming job;

    if (!lmm_namer_take(observer->namer, &job)) {
        return false;
    }
    struct lmm_observed *observed = job.of;

    assert(observed == observer->naming && observed->is_naming); /* I1 */
    observer->naming = NULL;
    observed->is_naming = false;
    observed->symbols = job.symbols;
    if (job.is_named) {
        observed->used_ns = lmm_clock_ns(CLOCK_MONOTONIC);
        lmm_observed_take(observed, job.snapshot, observer->naming_read_ns);
        take_advice(observed, &job);
    } else {
        lmm_snapshot_free(job.snapshot);
    }
    if (observed->is_removed) {
        lmm_past_end(observer->past, observed, lmm_observed_last(observed));
    }
    lmm_naming_free_advice(&job);
    name_next(observer);
    advise_next(observer);
    return true;
}

void lmm_observer_advise(struct lmm_observer *observer, struct lmm_observed *observed)
{
    observed->wants_advice = observed->advice_due_ns == 0;
    advise_next(observer);
}

bool lmm_observer_load(struct lmm_observer *observer, struct lmm_observed *observed, bool *ret_wait)
{
    struct lmm_snapshot *snapshot;

    *ret_wait = false;
    observed->used_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    if (observed->named != NULL &&
        (observed->is_naming || (observed->latest == NULL && observed->page != NULL &&
                                 observed->named_read_ns == observed->read_ns))) {
        return true;
    }
    if (observed->is_naming) {
        *ret_wait = true;
        return false;
    }
    snapshot = lmm_observed_latest(observed);
    if (snapshot == NULL) { /* an earlier reading is better than none */
        return observed->named != NULL && observed->page != NULL;
    }
    name_reading(observer, observed, snapshot);
    *ret_wait = observed->named == NULL;
    return observed->named != NULL;
}

bool lmm_observer_name(struct lmm_observer *observer, struct lmm_observed *observed,
                       struct lmm_snapshot *snapshot)
{
    return snapshot->model->frame_count <= 1 ||
           (lmm_namer_is_idle(observer->namer) &&
            lmm_types_apply(&observed->symbols, LMM_SYMBOLS_QUIET, snapshot->model));
}

void lmm_observer_beat(struct lmm_observer *observer)
{
    lmm_channel_beat(observer->channel);
    for (size_t i = 0; i < observer->count; i++) {
        if (observer->items[i]->page != NULL) {
            lmm_channel_beat(lmm_live_page_channel(observer->items[i]->page));
        }
    }
}

/* ---- The observer ---------------------------------------------------------------------------- */

struct lmm_observer *lmm_observer_new(int wake, uint64_t limit_bytes, struct lmm_past *past)
{
    struct lmm_observer *observer = calloc(1, sizeof(*observer));

    if (observer == NULL) {
        return NULL;
    }
    observer->limit_bytes = limit_bytes;
    observer->past = past;
    /* A server that is started later has higher numbers, so a client of an earlier one takes the whole list. */
    observer->sequence = lmm_clock_ns(CLOCK_REALTIME) / LMM_NS_PER_MS;
    observer->namer = lmm_namer_new(wake);
    observer->channel = lmm_channel_new(whole_list, observer, observer->sequence);
    if (observer->namer == NULL || observer->channel == NULL) {
        lmm_observer_free(observer);
        return NULL;
    }
    return observer;
}

void lmm_observer_store(struct lmm_observer *observer)
{
    lmm_past_write(observer->past, observer->items, observer->count, UINT64_MAX);
}

void lmm_observer_free(struct lmm_observer *observer)
{
    if (observer == NULL) {
        return;
    }
    lmm_namer_free(observer->namer);
    if (observer->naming != NULL) {
        observer->naming->is_naming = false;
    }
    for (size_t i = 0; i < observer->count; i++) {
        lmm_observed_free(observer->items[i]);
    }
    free(observer->items);
    lmm_channel_close(observer->channel, NULL);
    free(observer);
}

struct lmm_observed *lmm_observer_find(const struct lmm_observer *observer,
                                       struct lmm_process_id id)
{
    struct lmm_observed *found = NULL;
    size_t running = 0;

    for (size_t i = 0; i < observer->count; i++) {
        struct lmm_observed *observed = observer->items[i];
        bool runs = lmm_observed_runs(observed);

        if (!observed->was_read || (id.pid != 0 && observed->id.pid != id.pid) ||
            (id.start_ns != 0 && observed->id.start_ns != id.start_ns) || (id.pid == 0 && !runs)) {
            continue;
        }
        running += runs;
        if (found == NULL || runs || !lmm_observed_runs(found)) {
            found = observed;
        }
    }
    return id.pid == 0 && running > 1 ? NULL : found;
}
