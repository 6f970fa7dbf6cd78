/* SPDX-License-Identifier: MIT */
/*
 * page_suspects: lines of the source whose live bytes grow steadily (steady.h), for the page. Growth counts when it
 * goes on for a minute or more, until now or until the process ended: for the whole time of the timeline, or its last half, quarter
 * or eighth, the longest that is steady. Stateless.
 */
#ifndef LMM_PROGRAM_PAGE_SUSPECTS_H
#define LMM_PROGRAM_PAGE_SUSPECTS_H

#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_page_tables;
struct lmm_timeline;

enum { LMM_PAGE_SUSPECTS_MAX = 20 };

/* What grows steadily. */
struct lmm_page_suspect {
    int32_t type; /* these two: rows; LMM_PAGE_NONE: none */
    int32_t line;
    uint64_t bytes_per_hour;
    uint64_t steady_ms;
    uint64_t reaches_limit_ms; /* 0: there is no limit, or it is far */
};

/*
 * Finds the suspects, the fastest first, and returns how many there are; none if memory ran out. tables:
 * have read `model` last, a model of the timeline's process. timeline may be NULL. limit_bytes: of resident memory; 0: none. Cost:
 * linear in the timeline.
 */
size_t lmm_page_suspects_find(const struct lmm_page_tables *tables, const struct lmm_model *model,
                              const struct lmm_timeline *timeline, uint64_t limit_bytes,
                              struct lmm_page_suspect ret_suspects[LMM_PAGE_SUSPECTS_MAX]);

#endif
