/* SPDX-License-Identifier: MIT */
/*
 * timeline_parts: what a timeline consists of, for the files that implement it: timeline_points.c, timeline_insert.c and
 * timeline_valid.c.
 *
 * The changes of all points stand one after the other in one buffer, those of the first point first.
 */
#ifndef LMM_PROGRAM_TIMELINE_PARTS_H
#define LMM_PROGRAM_TIMELINE_PARTS_H

#include "reporter/program/history/timeline.h"

enum {
    LMM_TIMELINE_POINTS_LEAST = 3, /* the first, one, and the last: thinning cannot leave fewer */
};

/* A point, and where its changes are. */
struct lmm_timeline_entry {
    struct lmm_timeline_point point;
    size_t start; /* of its changes in the buffer */
    size_t bytes;
    bool stays; /* while it is thinned */
};

struct lmm_timeline {
    struct lmm_timeline_limits limits;
    struct lmm_timeline_entry *entries; /* room for limits.points */
    size_t count;
    unsigned char *changes;
    size_t used; /* bytes of changes, and the room for them */
    size_t room;
    uint64_t *site_bytes; /* at the last point */
    size_t site_count;
    uint64_t spacing_ns;
    uint64_t thinned;
    struct lmm_time_marks marks;
};

/* Makes room for that many more bytes of changes; false: out of memory. */
bool lmm_timeline_make_bytes(struct lmm_timeline *timeline, size_t needed);

/* Makes room for one more point with that many changed sites, where necessary by thinning; false: out of
 * memory. */
bool lmm_timeline_make_room(struct lmm_timeline *timeline, size_t changed);

/* Returns the live bytes of a site in a sample, as they are kept. */
static inline uint64_t lmm_timeline_bytes_of(const uint64_t *site_bytes, size_t site_count,
                                             size_t site)
{
    uint64_t bytes = site < site_count ? site_bytes[site] : 0;

    return bytes < LMM_TIMELINE_SITE_BYTES_MAX ? bytes : LMM_TIMELINE_SITE_BYTES_MAX;
}

#endif
