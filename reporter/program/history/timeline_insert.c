/* SPDX-License-Identifier: MIT */
/* timeline_insert: a point between others. The changes of the point after it are replaced by two lists: from
 * the point before to the new one, and on to the point after. All other lists stay as they are. */
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/history/timeline_parts.h"

/* Returns the index of the first point after a time. */
static size_t index_after(const struct lmm_timeline *timeline, uint64_t time_ns)
{
    size_t index = timeline->count;

    while (index > 0 && timeline->entries[index - 1].point.time_ns > time_ns) {
        index--;
    }
    return index;
}

/* Sets the live bytes of sites to those before the point at an index; they are all zero at first. */
static void replay(const struct lmm_timeline *timeline, size_t index, uint64_t *site_bytes)
{
    for (size_t i = 0; i < index; i++) {
        struct lmm_changes changes = lmm_timeline_changes(timeline, i);
        struct lmm_change change;

        while (lmm_changes_next(&changes, &change)) {
            site_bytes[change.site] += (uint64_t) change.by;
        }
    }
}

/* The lists around the new point. */
struct lists {
    unsigned char *to;   /* from the point before */
    unsigned char *back; /* the same backwards */
    unsigned char *on;   /* to the point after */
    size_t to_bytes;
    size_t back_bytes;
    size_t on_bytes;
    uint64_t sum; /* of the live bytes at the new point */
};

static void free_lists(struct lists *lists)
{
    free(lists->to);
    free(lists->back);
    free(lists->on);
}

static size_t count_different(const uint64_t *before, const uint64_t *sample, size_t sample_count,
                              size_t count)
{
    size_t different = 0;

    for (size_t i = 0; i < count; i++) {
        different += before[i] != lmm_timeline_bytes_of(sample, sample_count, i);
    }
    return different;
}

/* Makes the lists, to be freed in any case. before: the live bytes at the point before. */
static bool make_lists(const uint64_t *before, size_t count, const uint64_t *sample,
                       size_t sample_count, struct lmm_changes after, struct lists *lists)
{
    size_t room = count_different(before, sample, sample_count, count) * LMM_CHANGE_BYTES_MAX + 1;

    lists->to = malloc(room);
    lists->back = malloc(room);
    lists->on = malloc(room + (size_t) (after.end - after.at));
    if (lists->to == NULL || lists->back == NULL || lists->on == NULL) {
        return false;
    }
    struct lmm_changes_writer to = {lists->to, 0};
    struct lmm_changes_writer back = {lists->back, 0};

    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = lmm_timeline_bytes_of(sample, sample_count, i);
        int64_t by = (int64_t) bytes - (int64_t) before[i];

        lists->sum += bytes;
        if (by != 0) {
            lmm_changes_put(&to, (struct lmm_change) {(uint32_t) i, by});
            lmm_changes_put(&back, (struct lmm_change) {(uint32_t) i, -by});
        }
    }
    lists->to_bytes = (size_t) (to.at - lists->to);
    lists->back_bytes = (size_t) (back.at - lists->back);
    lists->on_bytes =
        lmm_changes_merge(lmm_changes_of(lists->back, lists->back_bytes), after, lists->on);
    return true;
}

/* Puts the lists in the place of those of the point at `index`, and the new point in front of it. */
static bool put(struct lmm_timeline *timeline, size_t index, struct lmm_timeline_point point,
                const struct lists *lists)
{
    struct lmm_timeline_entry *entry = &timeline->entries[index];
    size_t old_end = entry->start + entry->bytes;
    size_t new_end = entry->start + lists->to_bytes + lists->on_bytes;

    if (!lmm_timeline_make_bytes(timeline, lists->to_bytes + lists->on_bytes)) {
        return false;
    }
    memmove(timeline->changes + new_end, timeline->changes + old_end, timeline->used - old_end);
    memcpy(timeline->changes + entry->start, lists->to, lists->to_bytes);
    memcpy(timeline->changes + entry->start + lists->to_bytes, lists->on, lists->on_bytes);
    timeline->used = timeline->used - old_end + new_end;
    memmove(entry + 1, entry, (timeline->count - index) * sizeof(*entry));
    timeline->count++;
    point.live_bytes = lists->sum;
    *entry = (struct lmm_timeline_entry) {
        .point = point, .start = entry->start, .bytes = lists->to_bytes};
    entry[1].bytes = lists->on_bytes;
    for (size_t i = index + 1; i < timeline->count; i++) {
        timeline->entries[i].start =
            timeline->entries[i - 1].start + timeline->entries[i - 1].bytes;
    }
    timeline->thinned++; /* a reader must start again */
    return true;
}

static bool insert_at(struct lmm_timeline *timeline, size_t index, struct lmm_timeline_point point,
                      const uint64_t *site_bytes, size_t site_count)
{
    uint64_t *before = calloc(timeline->site_count + 1, sizeof(*before));
    struct lists lists = {.to = NULL};
    bool good = before != NULL;

    if (good) {
        replay(timeline, index, before);
        good = make_lists(before, timeline->site_count, site_bytes, site_count,
                          lmm_timeline_changes(timeline, index), &lists) &&
               put(timeline, index, point, &lists);
    }
    free_lists(&lists);
    free(before);
    return good;
}

/* Sets *whole to the point, with the other figures of the one before the index. */
static const struct lmm_timeline_point *with_last(const struct lmm_timeline *timeline, size_t index,
                                                  const struct lmm_timeline_point *point,
                                                  struct lmm_timeline_point *whole)
{
    if (index > 0) {
        *whole = timeline->entries[index - 1].point;
    }
    whole->time_ns = point->time_ns;
    whole->live_blocks = point->live_blocks;
    return whole;
}

bool lmm_timeline_insert(struct lmm_timeline *timeline, const struct lmm_timeline_point *point,
                         const uint64_t *site_bytes, size_t site_count)
{
    struct lmm_timeline_point whole = {.time_ns = 0};
    size_t count = site_count < LMM_TIMELINE_SITES_MAX ? site_count : LMM_TIMELINE_SITES_MAX;

    if (!lmm_array_reach(&timeline->site_bytes, &timeline->site_count, count,
                         sizeof(*timeline->site_bytes)) ||
        !lmm_timeline_make_room(timeline, 0)) {
        return false;
    }
    size_t index = index_after(timeline, point->time_ns);

    if (index == timeline->count) {
        return lmm_timeline_add(timeline, with_last(timeline, index, point, &whole), site_bytes,
                                count);
    }
    return insert_at(timeline, index, *with_last(timeline, index, point, &whole), site_bytes,
                     count) &&
           (timeline->used <= timeline->limits.bytes || lmm_timeline_make_room(timeline, 0));
}
