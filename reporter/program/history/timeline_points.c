/* SPDX-License-Identifier: MIT */
/*
 * When a point is dropped, its changes are added to those of the next one. So thinning goes once over
 * the buffer and moves what stays to the front; what is merged never gets longer (changes.h), so that
 * a list is written only where lists were read before.
 */
#include "reporter/program/history/timeline.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/base/array.h"
#include "reporter/program/history/timeline_parts.h"

struct lmm_timeline *lmm_timeline_new(const struct lmm_timeline_limits *limits)
{
    static const struct lmm_timeline_limits usual = {LMM_TIMELINE_POINTS, 0, LMM_TIMELINE_BYTES};
    struct lmm_timeline *timeline = calloc(1, sizeof(*timeline));

    if (timeline == NULL) {
        return NULL;
    }
    timeline->limits = limits == NULL ? usual : *limits;
    assert(timeline->limits.points >= LMM_TIMELINE_POINTS_MIN);
    assert(timeline->limits.recent <= timeline->limits.points / 2);
    timeline->entries = reallocarray(NULL, timeline->limits.points, sizeof(*timeline->entries));
    if (timeline->entries == NULL) {
        free(timeline);
        return NULL;
    }
    return timeline;
}

void lmm_timeline_free(struct lmm_timeline *timeline)
{
    if (timeline != NULL) {
        lmm_time_marks_free(&timeline->marks);
        free(timeline->entries);
        free(timeline->changes);
        free(timeline->site_bytes);
        free(timeline);
    }
}

/* ---- Thinning -------------------------------------------------------------------------------- */

/* Returns whether `a` stays of two points in one span. */
static bool is_better(const struct lmm_timeline_entry *a, const struct lmm_timeline_entry *b)
{
    return a->point.live_bytes >= b->point.live_bytes;
}

/* Decides which of the first `old` points stay. Returns how many of all do. */
static size_t choose(struct lmm_timeline *timeline, size_t old)
{
    const uint64_t first_ns = timeline->entries[0].point.time_ns;
    size_t staying = timeline->count;
    size_t best = 0; /* of the span; 0: none yet, because the first point has none */

    for (size_t i = 0; i < timeline->count; i++) {
        struct lmm_timeline_entry *entry = &timeline->entries[i];

        entry->stays = true;
        if (i == 0 || i >= old) {
            continue;
        }
        uint64_t span = (entry->point.time_ns - first_ns) / timeline->spacing_ns;
        uint64_t best_span =
            (timeline->entries[best].point.time_ns - first_ns) / timeline->spacing_ns;

        if (best == 0 || span != best_span) {
            best = i;
            continue;
        }
        staying--;
        if (is_better(&timeline->entries[best], entry)) {
            entry->stays = false;
        } else {
            timeline->entries[best].stays = false;
            best = i;
        }
    }
    return staying;
}

/* Room for the longest list of changes that is made, of a dropped point and those after it. */
static size_t longest_list(const struct lmm_timeline *timeline)
{
    size_t longest = 0;
    size_t list = 0;

    for (size_t i = 0; i < timeline->count; i++) {
        list += timeline->entries[i].bytes;
        longest = list > longest ? list : longest;
        list = timeline->entries[i].stays ? 0 : list;
    }
    return longest;
}

/* Removes the points that do not stay. spare: two times the room of the longest list. */
static void compact(struct lmm_timeline *timeline, unsigned char *spare, size_t longest)
{
    unsigned char *list = spare; /* of the dropped points before this one */
    unsigned char *next = spare + longest;
    size_t list_bytes = 0;
    size_t read = 0;
    size_t written = 0;
    size_t kept = 0;

    for (size_t i = 0; i < timeline->count; i++) {
        struct lmm_timeline_entry entry = timeline->entries[i];
        struct lmm_changes own = lmm_changes_of(timeline->changes + read, entry.bytes);

        read += entry.bytes;
        list_bytes = lmm_changes_merge(lmm_changes_of(list, list_bytes), own, next);
        if (entry.stays) {
            memcpy(timeline->changes + written, next, list_bytes);
            entry.start = written;
            entry.bytes = list_bytes;
            written += list_bytes;
            timeline->entries[kept++] = entry;
            list_bytes = 0;
        } else {
            unsigned char *other = list;

            list = next;
            next = other;
        }
        assert(written <= read);
    }
    timeline->count = kept;
    timeline->used = written;
}

/* Drops points of the first `old` ones by the present spacing. False: out of memory. */
static bool thin_once(struct lmm_timeline *timeline, size_t old)
{
    if (choose(timeline, old) == timeline->count) {
        return true;
    }
    size_t longest = longest_list(timeline);
    unsigned char *spare = malloc(2 * longest + 1);

    if (spare == NULL) {
        return false;
    }
    compact(timeline, spare, longest);
    free(spare);
    timeline->thinned++;
    return true;
}

/* Returns a first spacing, which leaves about half of the points. */
static uint64_t first_spacing(const struct lmm_timeline *timeline)
{
    uint64_t span_ns =
        timeline->entries[timeline->count - 1].point.time_ns - timeline->entries[0].point.time_ns;
    size_t points = timeline->count - timeline->limits.recent;

    return span_ns / (points / 2 + 1) + 1;
}

static size_t old_points(const struct lmm_timeline *timeline, size_t recent)
{
    size_t kept = recent == 0 ? 1 : recent;

    return timeline->count > kept ? timeline->count - kept : 0;
}

static bool has_room(const struct lmm_timeline *timeline, size_t points, size_t bytes)
{
    return timeline->count <= points && timeline->used <= bytes;
}

/* Thins until a quarter is free of what may be thinned, and `needed` bytes are free, or nothing can be
 * dropped. False: out of memory. */
static bool thin(struct lmm_timeline *timeline, size_t needed)
{
    const struct lmm_timeline_limits *limits = &timeline->limits;
    size_t points = limits->points - (limits->points - limits->recent) / 4;
    size_t bytes = limits->bytes - limits->bytes / 4;
    size_t recent = limits->recent;

    bytes = lmm_smaller(bytes, lmm_subtract_saturated(limits->bytes, needed));
    if (timeline->spacing_ns == 0) {
        timeline->spacing_ns = first_spacing(timeline);
    }
    while (!has_room(timeline, points, bytes) && timeline->count > LMM_TIMELINE_POINTS_LEAST) {
        size_t before = timeline->count;

        if (!thin_once(timeline, old_points(timeline, recent))) {
            return false;
        }
        if (!has_room(timeline, points, bytes)) {
            timeline->spacing_ns = lmm_add_saturated(timeline->spacing_ns, timeline->spacing_ns);
            recent = timeline->count == before ? recent / 2 : recent;
        }
    }
    return true;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

bool lmm_timeline_make_bytes(struct lmm_timeline *timeline, size_t needed)
{
    /* There is always an array: a pointer into none is undefined, also to its start. */
    if (timeline->room > 0 && timeline->used + needed <= timeline->room) {
        return true;
    }
    size_t room = timeline->room + timeline->room / 2 + LMM_CHANGE_BYTES_MAX;

    room = room > timeline->used + needed ? room : timeline->used + needed;
    unsigned char *changes = realloc(timeline->changes, room);

    if (changes != NULL) {
        timeline->changes = changes;
        timeline->room = room;
    }
    return changes != NULL;
}

bool lmm_timeline_make_room(struct lmm_timeline *timeline, size_t changed)
{
    size_t needed = changed * LMM_CHANGE_BYTES_MAX;
    bool is_full = timeline->count == timeline->limits.points ||
                   (timeline->used + needed > timeline->limits.bytes &&
                    timeline->count > LMM_TIMELINE_POINTS_LEAST);

    return (!is_full || thin(timeline, needed)) && timeline->count < timeline->limits.points &&
           lmm_timeline_make_bytes(timeline, needed);
}

static size_t count_changed(const struct lmm_timeline *timeline, const uint64_t *site_bytes,
                            size_t site_count)
{
    size_t changed = 0;

    for (size_t i = 0; i < timeline->site_count; i++) {
        changed += timeline->site_bytes[i] != lmm_timeline_bytes_of(site_bytes, site_count, i);
    }
    return changed;
}

/* Writes the changes to the new values, which are the last ones then. Returns their sum. */
static uint64_t put_changes(struct lmm_timeline *timeline, const uint64_t *site_bytes,
                            size_t site_count)
{
    struct lmm_changes_writer writer = {timeline->changes + timeline->used, 0};
    uint64_t sum = 0;

    for (size_t i = 0; i < timeline->site_count; i++) {
        uint64_t bytes = lmm_timeline_bytes_of(site_bytes, site_count, i);
        int64_t by = (int64_t) bytes - (int64_t) timeline->site_bytes[i];

        sum += bytes;
        if (by != 0) {
            lmm_changes_put(&writer, (struct lmm_change) {(uint32_t) i, by});
            timeline->site_bytes[i] = bytes;
        }
    }
    timeline->used = (size_t) (writer.at - timeline->changes);
    return sum;
}

/* Returns site_count without the sites at the end that have no bytes and never had any. */
static size_t without_idle(const struct lmm_timeline *timeline, const uint64_t *site_bytes,
                           size_t site_count)
{
    size_t count = (size_t) lmm_smaller(site_count, LMM_TIMELINE_SITES_MAX);

    while (count > timeline->site_count && site_bytes[count - 1] == 0) {
        count--;
    }
    return count;
}

static uint64_t time_after(const struct lmm_timeline *timeline, uint64_t time_ns)
{
    uint64_t last_ns =
        timeline->count == 0 ? 0 : timeline->entries[timeline->count - 1].point.time_ns;

    return time_ns > last_ns ? time_ns : last_ns;
}

bool lmm_timeline_add(struct lmm_timeline *timeline, const struct lmm_timeline_point *point,
                      const uint64_t *site_bytes, size_t site_count)
{
    size_t count = without_idle(timeline, site_bytes, site_count);
    bool has_room = lmm_array_reach(&timeline->site_bytes, &timeline->site_count, count,
                                    sizeof(*timeline->site_bytes)) &&
                    lmm_timeline_make_room(timeline, count_changed(timeline, site_bytes, count));

    if (!has_room) {
        return false;
    }
    struct lmm_timeline_entry entry = {.point = *point, .start = timeline->used};

    entry.point.time_ns = time_after(timeline, point->time_ns);
    entry.point.live_bytes = put_changes(timeline, site_bytes, count);
    entry.bytes = timeline->used - entry.start;
    timeline->entries[timeline->count++] = entry;
    return true;
}

bool lmm_timeline_add_model(struct lmm_timeline *timeline, const struct lmm_timeline_point *point,
                            const struct lmm_model *model)
{
    struct lmm_timeline_point whole = *point;
    uint64_t *site_bytes = NULL;
    size_t count = 0;
    bool good = true;

    for (size_t i = 0; i < model->site_count && good; i++) {
        const struct lmm_model_site *site = &model->sites[i];

        good = site->id >= LMM_TIMELINE_SITES_MAX ||
               lmm_array_reach(&site_bytes, &count, (size_t) site->id + 1, sizeof(*site_bytes));
        if (good && site->id < count) {
            site_bytes[site->id] = site->live_bytes;
        }
    }
    whole.live_blocks = model->total.live_blocks;
    whole.committed_bytes = model->total.committed_bytes;
    whole.allocations = model->total.allocations;
    good = good && lmm_timeline_add(timeline, &whole, site_bytes, count);
    free(site_bytes);
    return good;
}

/* ---- Reading --------------------------------------------------------------------------------- */

size_t lmm_timeline_count(const struct lmm_timeline *timeline)
{
    return timeline->count;
}

const struct lmm_timeline_point *lmm_timeline_at(const struct lmm_timeline *timeline, size_t index)
{
    assert(index < timeline->count);
    return &timeline->entries[index].point;
}

uint64_t lmm_timeline_thinned(const struct lmm_timeline *timeline)
{
    return timeline->thinned;
}

uint64_t lmm_timeline_spacing_ns(const struct lmm_timeline *timeline)
{
    return timeline->spacing_ns;
}

size_t lmm_timeline_sites(const struct lmm_timeline *timeline)
{
    return timeline->site_count;
}

uint64_t lmm_timeline_site(const struct lmm_timeline *timeline, uint32_t site)
{
    return site < timeline->site_count ? timeline->site_bytes[site] : 0;
}

struct lmm_changes lmm_timeline_changes(const struct lmm_timeline *timeline, size_t index)
{
    assert(index < timeline->count);
    return lmm_changes_of(timeline->changes + timeline->entries[index].start,
                          timeline->entries[index].bytes);
}

/* ---- Marks ----------------------------------------------------------------------------------- */

bool lmm_timeline_mark(struct lmm_timeline *timeline, const struct lmm_timeline_mark *mark)
{
    return lmm_time_marks_add(&timeline->marks, mark);
}

size_t lmm_timeline_mark_count(const struct lmm_timeline *timeline)
{
    return timeline->marks.count;
}

const struct lmm_timeline_mark *lmm_timeline_mark_at(const struct lmm_timeline *timeline,
                                                     size_t index)
{
    assert(index < timeline->marks.count);
    return &timeline->marks.items[index];
}

uint64_t lmm_timeline_marks_left_out(const struct lmm_timeline *timeline)
{
    return timeline->marks.left_out;
}
