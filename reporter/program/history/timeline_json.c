/* SPDX-License-Identifier: MIT */
#include "reporter/program/history/timeline_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/words.h"
#include "reporter/program/base/clock.h"

/* A column of figures of points. */
struct column {
    const char *key;
    size_t offset; /* of a uint64_t in struct lmm_timeline_point */
};

static const struct column columns[] = {
    {"live_bytes", offsetof(struct lmm_timeline_point, live_bytes)},
    {"live_blocks", offsetof(struct lmm_timeline_point, live_blocks)},
    {"committed_bytes", offsetof(struct lmm_timeline_point, committed_bytes)},
    {"resident_bytes", offsetof(struct lmm_timeline_point, resident_bytes)},
    {"major_faults", offsetof(struct lmm_timeline_point, major_faults)},
    {"minor_faults", offsetof(struct lmm_timeline_point, minor_faults)},
    {"allocations", offsetof(struct lmm_timeline_point, allocations)},
};

const char *lmm_timeline_mark_word(enum lmm_timeline_mark_kind kind)
{
    static const char *const words[LMM_TIMELINE_KINDS] = {
        [LMM_TIMELINE_PEAK] = "peak", [LMM_TIMELINE_FORK] = "fork",
        [LMM_TIMELINE_EXIT] = "exit", [LMM_TIMELINE_EXEC] = "exec",
        [LMM_TIMELINE_MARK] = "mark", [LMM_TIMELINE_LEAK_CHECK] = "leak_check",
    };

    return words[kind];
}

static void put_column(struct lmm_json *json, const struct lmm_timeline *timeline,
                       const struct column *column, size_t from)
{
    lmm_json_begin_array(json, column->key, LMM_JSON_ONE_LINE);
    for (size_t i = from; i < lmm_timeline_count(timeline); i++) {
        const struct lmm_timeline_point *point = lmm_timeline_at(timeline, i);
        uint64_t figure;

        memcpy(&figure, (const char *) point + column->offset, sizeof(figure));
        lmm_json_u64(json, NULL, figure);
    }
    lmm_json_end_array(json);
}

static void put_text(struct lmm_json *json, const struct lmm_timeline_mark *mark)
{
    char words[64];

    if (mark->kind != LMM_TIMELINE_FORK) {
        lmm_json_text(json, "text", mark->text);
        return;
    }
    snprintf(words, sizeof(words), "%" PRIu64 " %s started", mark->count,
             lmm_plural(mark->count, "process", "processes"));
    lmm_json_text(json, "text", words);
}

static void put_marks(struct lmm_json *json, const struct lmm_timeline *timeline, size_t from)
{
    lmm_json_begin_array(json, "marks", LMM_JSON_LINES);
    for (size_t i = from; i < lmm_timeline_mark_count(timeline); i++) {
        const struct lmm_timeline_mark *mark = lmm_timeline_mark_at(timeline, i);

        lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
        lmm_json_u64(json, "time_ms", mark->time_ns / LMM_NS_PER_MS);
        lmm_json_text(json, "kind", lmm_timeline_mark_word(mark->kind));
        put_text(json, mark);
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
}

void lmm_json_timeline_from(struct lmm_json *json, const struct lmm_timeline *timeline,
                            size_t point, size_t mark)
{
    lmm_json_begin_array(json, "time_ms", LMM_JSON_ONE_LINE);
    for (size_t i = point; i < lmm_timeline_count(timeline); i++) {
        lmm_json_u64(json, NULL, lmm_timeline_at(timeline, i)->time_ns / LMM_NS_PER_MS);
    }
    lmm_json_end_array(json);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        put_column(json, timeline, &columns[i], point);
    }
    put_marks(json, timeline, mark);
}

void lmm_json_timeline(struct lmm_json *json, const struct lmm_timeline *timeline)
{
    lmm_json_timeline_from(json, timeline, 0, 0);
}

void lmm_json_timeline_row(struct lmm_json *json, const char *key,
                           const struct lmm_timeline_series *series, size_t row)
{
    lmm_json_begin_array(json, key, LMM_JSON_ONE_LINE);
    for (size_t k = 0; k < series->points; k++) {
        lmm_json_u64(json, NULL, series->columns[row * series->points + k]);
    }
    lmm_json_end_array(json);
}
