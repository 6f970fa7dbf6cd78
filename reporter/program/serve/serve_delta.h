/* SPDX-License-Identifier: MIT */
/*
 * serve_delta: the event `delta` of a live page (docs/http-api.md): what has changed in a page's document from one reading to the
 * next. Stateless: what followers have is the caller's.
 */
#ifndef LMM_PROGRAM_SERVE_DELTA_H
#define LMM_PROGRAM_SERVE_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/page/page_figures.h"
#include "reporter/program/page/page_tables.h"

struct lmm_answer;
struct lmm_page_moment;
struct lmm_page_suspect;
struct lmm_timeline;

/* The series of a document: which points, marks and rows it has. All zero: it has none. */
struct lmm_delta_series {
    size_t points;
    uint64_t thinned;
    size_t marks;
    uint64_t mark_count; /* of what these stand for */
    uint32_t *groups[2]; /* types, and lines */
    size_t group_count[2];
};

/* What a client has that took the last event. */
struct lmm_delta_state {
    struct lmm_page_counts counts;
    struct lmm_page_figures figures;
    struct lmm_delta_series series;
    bool had_series;
};

struct lmm_delta_reading {
    uint64_t sequence;
    const struct lmm_page_tables *tables; /* that have read the moment's model last */
    const struct lmm_page_moment *moment;
    const struct lmm_page_figures *figures;
    const struct lmm_timeline *timeline;     /* NULL: none */
    const struct lmm_page_suspect *suspects; /* NULL: they are as before */
    size_t suspect_count;
    struct lmm_string hints; /* a value of JSON; empty: they are as before */
};

/* Returns the delta, one line of JSON; NULL: a delta cannot say what has changed, or memory ran out: the whole document must be
 * sent. */
struct lmm_answer *lmm_serve_delta(const struct lmm_delta_state *before,
                                   const struct lmm_delta_reading *now);

/* Takes down which series a document of this reading has. False: memory ran out. */
bool lmm_delta_series_note(struct lmm_delta_series *series, const struct lmm_delta_reading *now);

void lmm_delta_series_free(struct lmm_delta_series *series);

#endif
