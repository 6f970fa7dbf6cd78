/* SPDX-License-Identifier: MIT */
/* timeline_valid: the invariants of a timeline (timeline.h). */
#include <stdlib.h>

#include "reporter/program/history/timeline_parts.h"

/* Adds the changes of a point to the live bytes of the sites, and to their sum (I2). */
static bool replay(const struct lmm_timeline *timeline, size_t index, uint64_t *site_bytes,
                   uint64_t *sum)
{
    struct lmm_changes changes = lmm_timeline_changes(timeline, index);
    struct lmm_change change;

    while (lmm_changes_next(&changes, &change)) {
        if (change.by == 0 || change.site >= timeline->site_count) {
            return false;
        }
        site_bytes[change.site] += (uint64_t) change.by;
        *sum += (uint64_t) change.by;
        if (site_bytes[change.site] > LMM_TIMELINE_SITE_BYTES_MAX) {
            return false;
        }
    }
    return changes.at == changes.end && *sum == timeline->entries[index].point.live_bytes;
}

static bool are_points_valid(const struct lmm_timeline *timeline, uint64_t *site_bytes)
{
    uint64_t sum = 0;
    size_t start = 0;

    for (size_t i = 0; i < timeline->count; i++) {
        const struct lmm_timeline_entry *entry = &timeline->entries[i];
        bool is_in_order = i == 0 || entry->point.time_ns >= entry[-1].point.time_ns;

        if (!is_in_order || entry->start != start || !replay(timeline, i, site_bytes, &sum)) {
            return false;
        }
        start += entry->bytes;
    }
    return start == timeline->used;
}

bool lmm_timeline_is_valid(const struct lmm_timeline *timeline)
{
    uint64_t *site_bytes = calloc(timeline->site_count + 1, sizeof(*site_bytes));
    bool is_valid = site_bytes != NULL && timeline->count <= timeline->limits.points &&
                    (timeline->used <= timeline->limits.bytes ||
                     timeline->count <= LMM_TIMELINE_POINTS_LEAST + 1) &&
                    timeline->used <= timeline->room &&
                    lmm_time_marks_are_valid(&timeline->marks) &&
                    are_points_valid(timeline, site_bytes);

    for (size_t i = 0; i < timeline->site_count && is_valid; i++) {
        is_valid = site_bytes[i] == timeline->site_bytes[i];
    }
    free(site_bytes);
    return is_valid;
}
