/* SPDX-License-Identifier: MIT */
/*
 * page_facts: the facts of one process at one moment in a page's document: its process, totals and leak
 * check. Stateless.
 */
#ifndef LMM_PROGRAM_PAGE_FACTS_H
#define LMM_PROGRAM_PAGE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

struct lmm_ending;
struct lmm_json;
struct lmm_model;
struct lmm_spots;

/* What is known of a process. All but the model may be zero. */
struct lmm_page_moment {
    const struct lmm_model *model;
    const struct lmm_spots *spots; /* with suppressions applied; NULL: nothing is suppressed */
    char *const *argv; /* how it was started, ends with NULL; NULL: the model's command */
    const struct lmm_ending *ending; /* of the program that lmm run started; NULL: unknown */
    bool has_status;                 /* it was waited for */
    int status;                      /* from wait(2) */
    uint64_t made_time_ns;           /* of the figures, CLOCK_REALTIME; 0: of the model */
    uint64_t resident_bytes;         /* 0: unknown */
    uint64_t limit_bytes;            /* 0: none is known */
    bool is_limit_given;             /* by an option; false: it is that of the cgroup */
};

/* Add the objects "process" and "totals", and "leak_check", which is null without one. */
void lmm_page_put_process(struct lmm_json *json, const struct lmm_page_moment *moment);
void lmm_page_put_totals(struct lmm_json *json, const struct lmm_page_moment *moment);
void lmm_page_put_leak_check(struct lmm_json *json, const struct lmm_page_moment *moment);

#endif
