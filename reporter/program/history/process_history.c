/* SPDX-License-Identifier: MIT */
#include "reporter/program/history/process_history.h"

#include <errno.h>
#include <lmm/ledger.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/counter_watch.h"
#include "reporter/program/ledger/liveness.h"
#include "reporter/program/ledger/process_stat.h"

struct lmm_process_history {
    struct lmm_timeline *timeline;
    struct lmm_counter_watch *watch; /* NULL: the files are closed */
    struct lmm_ledger_header header; /* of the time when they were */
    char name[LMM_PROCESS_NAME_MAX]; /* of the process */
    int stat;                        /* a descriptor; -1: the kernel tells nothing of the process */
    uint64_t opened_ns;              /* these two: the same moment by CLOCK_BOOTTIME, */
    uint64_t opened_at_ns;           /* and since the process's start */
    uint32_t started;                /* these two: numbers that have marks */
    uint64_t check_count;
};

/* ---- Times ----------------------------------------------------------------------------------- */

static uint64_t since_start(const struct lmm_process_history *history, uint64_t real_ns)
{
    return lmm_subtract_saturated(real_ns, lmm_process_history_header(history)->start_time_ns);
}

static uint64_t now_since_start(const struct lmm_process_history *history)
{
    return history->opened_at_ns +
           lmm_subtract_saturated(lmm_clock_ns(CLOCK_BOOTTIME), history->opened_ns);
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Opens the stat file of the ledger's process, if it is that of this namespace. */
static void open_stat(struct lmm_process_history *history)
{
    const struct lmm_ledger_header *header = lmm_process_history_header(history);
    struct lmm_process_stat stat = {.start_ticks = 0};
    bool is_visible = header->snapshot_time_ns == 0 && header->start_ticks != 0 &&
                      !lmm_process_is_of_another_boot(header) &&
                      !lmm_process_is_of_another_namespace(header);
    int file = is_visible ? lmm_process_stat_open(header->pid) : -1;

    if (file >= 0 &&
        (!lmm_process_stat_read(file, &stat) || stat.start_ticks != header->start_ticks)) {
        close(file);
        file = -1;
    }
    history->stat = file;
    memcpy(history->name, stat.name, sizeof(history->name));
}

static bool fill(struct lmm_process_history *history, const char *path,
                 const struct lmm_timeline_limits *limits, bool starts_empty)
{
    const struct lmm_timeline_point start = {.time_ns = 0};

    history->stat = -1;
    history->watch = lmm_counter_watch_open(path);
    history->timeline = history->watch == NULL ? NULL : lmm_timeline_new(limits);
    if (history->timeline == NULL) {
        return false;
    }
    open_stat(history);
    history->opened_ns = lmm_clock_ns(CLOCK_BOOTTIME);
    history->opened_at_ns = since_start(history, lmm_clock_ns(CLOCK_REALTIME));
    return !starts_empty || lmm_timeline_add(history->timeline, &start, NULL, 0);
}

struct lmm_process_history *lmm_process_history_open(const char *path,
                                                     const struct lmm_timeline_limits *limits,
                                                     bool starts_empty)
{
    struct lmm_process_history *history = calloc(1, sizeof(*history));

    if (history != NULL && !fill(history, path, limits, starts_empty)) {
        lmm_process_history_free(history);
        return NULL;
    }
    return history;
}

/* ---- Marks ----------------------------------------------------------------------------------- */

static void mark(struct lmm_process_history *history, enum lmm_timeline_mark_kind kind,
                 uint64_t time_ns, uint64_t count, char *text)
{
    const struct lmm_timeline_mark mark = {time_ns, kind, count, text};

    lmm_timeline_mark(history->timeline, &mark); /* one that has no room is counted there */
}

static void mark_check(struct lmm_process_history *history, const struct lmm_ledger_header *header)
{
    const struct lmm_ledger_check *check = &header->check[header->check_count % 2];
    char text[64];

    if (header->check_count == history->check_count) {
        return;
    }
    history->check_count = header->check_count;
    if (check->failure != 0) {
        snprintf(text, sizeof(text), "failed: %s", strerror((int) check->failure));
    } else {
        snprintf(text, sizeof(text), "%s",
                 (check->flags & LMM_LEDGER_CHECK_AT_EXIT) != 0 ? "at exit" : "");
    }
    mark(history, LMM_TIMELINE_LEAK_CHECK, since_start(history, check->time_ns), 1, text);
}

/* Adds marks for what is new in the ledger. */
static void take_news(struct lmm_process_history *history)
{
    const struct lmm_ledger_header *header = lmm_process_history_header(history);
    struct lmm_counter_mark found;

    if (header->started > history->started) {
        mark(history, LMM_TIMELINE_FORK, now_since_start(history),
             header->started - history->started, NULL);
        history->started = header->started;
    }
    mark_check(history, header);
    while (lmm_counter_watch_mark(history->watch, &found)) {
        mark(history, LMM_TIMELINE_MARK, since_start(history, found.time_ns), 1, found.text);
    }
}

/* ---- Samples --------------------------------------------------------------------------------- */

/* Whether the process has become another program, which is looked for only when its name has changed. */
static bool is_replaced(struct lmm_process_history *history, const struct lmm_process_stat *stat)
{
    if (strcmp(history->name, stat->name) == 0) {
        return false;
    }
    memcpy(history->name, stat->name, sizeof(history->name));
    return history->watch != NULL &&
           lmm_counter_watch_state(history->watch) == LMM_PROCESS_REPLACED;
}

/* Sets the kernel's figures of a point; without them, faults are those of the last point. Returns
 * whether the process runs, as far as is known. */
static bool add_stat(struct lmm_process_history *history, struct lmm_timeline_point *point)
{
    size_t count = lmm_timeline_count(history->timeline);
    struct lmm_process_stat stat;

    if (count > 0) {
        const struct lmm_timeline_point *last = lmm_timeline_at(history->timeline, count - 1);

        point->minor_faults = last->minor_faults;
        point->major_faults = last->major_faults;
    }
    if (history->stat < 0) {
        return true;
    }
    if (!lmm_process_stat_read(history->stat, &stat) || stat.is_dead ||
        is_replaced(history, &stat)) {
        return false;
    }
    point->resident_bytes = stat.resident_bytes;
    point->minor_faults = stat.minor_faults;
    point->major_faults = stat.major_faults;
    return true;
}

enum lmm_sampling lmm_process_history_sample(struct lmm_process_history *history)
{
    struct lmm_timeline_point point = {.time_ns = now_since_start(history)};
    struct lmm_counter_reading reading;
    bool runs = add_stat(history, &point);

    if (history->watch == NULL || !lmm_counter_watch_read(history->watch, &reading)) {
        return LMM_SAMPLING_FAILED;
    }
    take_news(history);
    if (!runs || lmm_process_history_header(history)->state != LMM_LEDGER_RUNNING) {
        return LMM_SAMPLING_ENDED;
    }
    point.live_blocks = reading.live_blocks;
    point.committed_bytes = reading.committed_bytes;
    point.allocations = reading.allocations;
    return lmm_timeline_add(history->timeline, &point, reading.site_bytes, reading.site_count)
               ? LMM_SAMPLING_DONE
               : LMM_SAMPLING_FAILED;
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Returns the bytes of each site at the peak, *ret_count of them, to be freed; NULL: out of memory. */
static uint64_t *peaks_of(const struct lmm_model *model, size_t *ret_count)
{
    size_t count = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        size_t needed = (size_t) model->sites[i].id + 1;

        count = needed > count && needed <= LMM_TIMELINE_SITES_MAX ? needed : count;
    }
    uint64_t *bytes = calloc(count + 1, sizeof(*bytes));

    for (size_t i = 0; i < model->site_count && bytes != NULL; i++) {
        if (model->sites[i].id < count) {
            bytes[model->sites[i].id] = model->sites[i].peak_bytes;
        }
    }
    *ret_count = count;
    return bytes;
}

/* Adds the moment of most live bytes, which the process recorded itself. Figures that it did not record
 * are those of the point before. */
static bool add_peak(struct lmm_process_history *history, const struct lmm_model *model)
{
    struct lmm_timeline_point point = {.live_blocks = 0};
    size_t count;

    if (!model->has_peak || model->peak_bytes == 0 || model->peak_time_ns == 0) {
        return true;
    }
    uint64_t *bytes = peaks_of(model, &count);

    for (size_t i = 0; i < model->site_count; i++) {
        point.live_blocks = lmm_add_saturated(point.live_blocks, model->sites[i].peak_blocks);
    }
    point.time_ns = since_start(history, model->peak_time_ns);
    bool good = bytes != NULL && lmm_timeline_insert(history->timeline, &point, bytes, count);

    free(bytes);
    mark(history, LMM_TIMELINE_PEAK, point.time_ns, 1, NULL);
    return good;
}

bool lmm_process_history_end(struct lmm_process_history *history, const struct lmm_model *model,
                             uint64_t end_time_ns, const char *exit)
{
    struct lmm_timeline_point point = {.time_ns = since_start(history, end_time_ns)};
    struct lmm_counter_reading reading;
    char text[LMM_TIMELINE_TEXT_MAX + 1];

    add_stat(history, &point);
    if (history->watch != NULL && lmm_counter_watch_read(history->watch, &reading)) {
        take_news(history);
    }
    bool good = lmm_timeline_add_model(history->timeline, &point, model);

    good = add_peak(history, model) && good;
    if (exit != NULL) {
        snprintf(text, sizeof(text), "%s", exit);
        mark(history, LMM_TIMELINE_EXIT, point.time_ns, 1, text);
    }
    return good;
}

/* ---- The rest -------------------------------------------------------------------------------- */

struct lmm_timeline *lmm_process_history_timeline(const struct lmm_process_history *history)
{
    return history->timeline;
}

const struct lmm_ledger_header *
lmm_process_history_header(const struct lmm_process_history *history)
{
    return history->watch == NULL ? &history->header : lmm_counter_watch_header(history->watch);
}

bool lmm_process_history_is_file(const struct lmm_process_history *history, uint64_t device,
                                 uint64_t inode)
{
    return history->watch != NULL && lmm_counter_watch_is_file(history->watch, device, inode);
}

void lmm_process_history_close_files(struct lmm_process_history *history)
{
    if (history->watch != NULL) {
        history->header = *lmm_counter_watch_header(history->watch);
        lmm_counter_watch_close(history->watch);
        history->watch = NULL;
    }
    if (history->stat >= 0) {
        close(history->stat);
        history->stat = -1;
    }
}

void lmm_process_history_free(struct lmm_process_history *history)
{
    if (history != NULL) {
        lmm_process_history_close_files(history);
        lmm_timeline_free(history->timeline);
        free(history);
    }
}
