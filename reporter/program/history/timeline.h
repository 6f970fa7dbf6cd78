/* SPDX-License-Identifier: MIT */
/*
 * timeline: the figures of one process over time: points, at any distance, with the totals and the
 * live bytes of each site; and marks. Its memory is bounded, whatever the time: when it is full it is
 * thinned, so that an hour and a week take the same.
 *
 * Thinning divides the time into spans of one length, twice as long each time that is needed. Of the
 * points in a span the one with most live bytes stays, of equal ones the first: the highest point is
 * never lost, and each point is a sample that was added. The first point,
 * the last one and the newest `recent` ones stay in any case (the recent ones as long as the bytes
 * suffice).
 *
 * Sites are kept as changes to the point before, a few bytes for each site whose live bytes changed.
 * Which type or line a site belongs to is not known while a process runs; lmm_timeline_largest() adds
 * sites up afterwards, exactly, not only the largest ones.
 *
 * Invariants (checked by lmm_timeline_is_valid()):
 *   I1  the times of points, and those of marks, never fall
 *   I2  a point's live_bytes are the sum over the sites, and none of these is below 0
 *   I3  there are at most limits.points points; the changes take at most limits.bytes, or there are 4
 *       points at most; there are at most LMM_TIMELINE_MARKS marks
 *   I4  the changes up to the last point add up to what lmm_timeline_site() says
 *
 * Locks: none; a timeline belongs to one thread at a time. Not responsible for where the figures come
 * from (sampler.h), for names, or for output (timeline_json.h).
 */
#ifndef LMM_PROGRAM_TIMELINE_H
#define LMM_PROGRAM_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/history/changes.h"
#include "reporter/program/history/time_marks.h"

struct lmm_model;
struct lmm_timeline;

enum {
    LMM_TIMELINE_POINTS = 2000,       /* these two: the usual limits */
    LMM_TIMELINE_BYTES = 32 << 20,    /* of changes; all else is 100 bytes a point, 8 a site */
    LMM_TIMELINE_POINTS_MIN = 8,      /* of limits */
    LMM_TIMELINE_SITES_MAX = 1 << 20, /* the ledger's; sites from here on are not kept */
    LMM_TIMELINE_ROWS = 50,           /* types, and lines, that documents have series of */
};

/* The live bytes of a site are kept up to 2^43, so that the sum of all sites fits; more count as
 * this. */
#define LMM_TIMELINE_SITE_BYTES_MAX (UINT64_C(1) << 43)

struct lmm_timeline_limits {
    size_t points; /* at least LMM_TIMELINE_POINTS_MIN */
    size_t recent; /* the newest points, which are not thinned; at most half of `points` */
    size_t bytes;
};

/* The totals at one moment. */
struct lmm_timeline_point {
    uint64_t time_ns;    /* since the process started */
    uint64_t live_bytes; /* the timeline sets it (I2) */
    uint64_t live_blocks;
    uint64_t committed_bytes;
    uint64_t allocations;    /* since the start, here and below */
    uint64_t resident_bytes; /* of the whole process; 0: unknown */
    uint64_t minor_faults;
    uint64_t major_faults;
};

/* Returns an empty timeline, to be freed with lmm_timeline_free(); NULL: out of memory. limits: NULL:
 * LMM_TIMELINE_POINTS, none recent, LMM_TIMELINE_BYTES. */
struct lmm_timeline *lmm_timeline_new(const struct lmm_timeline_limits *limits);

/* timeline may be NULL. */
void lmm_timeline_free(struct lmm_timeline *timeline);

/*
 * Adds a point at the end. A time before that of the last point counts as that. site_bytes: the live
 * bytes of the sites 0 to site_count - 1, by their ids in the ledger; other sites have none. Returns
 * false when memory ran out: then nothing has changed, or the timeline has only been thinned. Cost:
 * linear in the sites; when it is full, in all that is kept, which is seldom.
 */
bool lmm_timeline_add(struct lmm_timeline *timeline, const struct lmm_timeline_point *point,
                      const uint64_t *site_bytes, size_t site_count);

/*
 * Adds a point where its time belongs, after those of the same time: of a moment that is learnt of
 * later, such as the peak. It has only time_ns and live_blocks of its own; the other figures are those
 * of the point before, or 0. Else as lmm_timeline_add(); it counts as one thinning. Cost: linear in all that
 * is kept, and in the sites.
 */
bool lmm_timeline_insert(struct lmm_timeline *timeline, const struct lmm_timeline_point *point,
                         const uint64_t *site_bytes, size_t site_count);

/* As lmm_timeline_add(), with all figures of a model except the time, resident bytes and page faults,
 * which *point has. The model must not be selected, merged or sorted in a way that hides sites. */
bool lmm_timeline_add_model(struct lmm_timeline *timeline, const struct lmm_timeline_point *point,
                            const struct lmm_model *model);

/* Returns the number of points, and the point at an index below that, the oldest first. A point lives
 * until the next one is added. */
size_t lmm_timeline_count(const struct lmm_timeline *timeline);
const struct lmm_timeline_point *lmm_timeline_at(const struct lmm_timeline *timeline, size_t index);

/* Returns how often the timeline was thinned: while this stays the same, points are only added at the
 * end, and a reader may ask for those alone that it does not have. */
uint64_t lmm_timeline_thinned(const struct lmm_timeline *timeline);

/* Returns the length of the spans of which one point is kept; 0: it was not thinned yet. A caller who
 * samples at this distance adds no more than is kept. */
uint64_t lmm_timeline_spacing_ns(const struct lmm_timeline *timeline);

/* Returns a number from which on no site ever had live bytes; and the live bytes of a site at the last
 * point, of any id. */
size_t lmm_timeline_sites(const struct lmm_timeline *timeline);
uint64_t lmm_timeline_site(const struct lmm_timeline *timeline, uint32_t site);

/* Returns the sites whose live bytes at a point differ from those at the point before (of the first
 * point: from 0), for lmm_changes_next(). They live until the next point is added. */
struct lmm_changes lmm_timeline_changes(const struct lmm_timeline *timeline, size_t index);

/* ---- Series ---------------------------------------------------------------------------------- */

/* The live bytes of groups of sites over time. */
struct lmm_timeline_series {
    uint32_t *groups; /* their numbers, those with the highest figure first, equal ones by number */
    size_t count;
    size_t points;
    uint64_t *columns; /* of group i at point k: columns[i * points + k] */
};

/*
 * Finds the `most` groups that had most live bytes at any point, without those that never had any, and
 * their live bytes at each point; to be freed with lmm_timeline_series_free(). group_of: for the sites
 * below site_count their group, below group_count; UINT32_MAX: none, as have all other sites. Returns
 * false when memory ran out. Cost: linear in what is kept.
 */
bool lmm_timeline_largest(const struct lmm_timeline *timeline, const uint32_t *group_of,
                          size_t site_count, uint32_t group_count, size_t most,
                          struct lmm_timeline_series *ret_series);

void lmm_timeline_series_free(struct lmm_timeline_series *series);

/* ---- Marks ----------------------------------------------------------------------------------- */

/*
 * Adds a mark where its time belongs; text may be NULL: empty. Thinning keeps marks. When there are
 * LMM_TIMELINE_MARKS, neighbouring marks of kind FORK become one, with their count; where that makes
 * no room, the mark is left out, except one of the kinds PEAK, EXIT and EXEC, which takes the place of
 * the oldest of another kind. Returns false if it was left out, also when memory ran out.
 */
bool lmm_timeline_mark(struct lmm_timeline *timeline, const struct lmm_timeline_mark *mark);

size_t lmm_timeline_mark_count(const struct lmm_timeline *timeline);
const struct lmm_timeline_mark *lmm_timeline_mark_at(const struct lmm_timeline *timeline,
                                                     size_t index);

/* Returns how many marks were left out, or gave their place. */
uint64_t lmm_timeline_marks_left_out(const struct lmm_timeline *timeline);

/* ---- Checks ---------------------------------------------------------------------------------- */

/* Checks I1 to I4. For tests and internal checks. Cost: linear in what is kept. */
bool lmm_timeline_is_valid(const struct lmm_timeline *timeline);

#endif
