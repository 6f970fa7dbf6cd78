/* SPDX-License-Identifier: MIT */
/*
 * live_page: the page's document of one process while it is observed: its tables, which keep their rows from reading to reading, the
 * figures of the last reading, and the event stream of what changes.
 *
 * Invariants (checked by assert in live_page.c):
 *   I1  the sequence number rises with each reading; the document, the last event and the state of followers have it
 */
#ifndef LMM_PROGRAM_LIVE_PAGE_H
#define LMM_PROGRAM_LIVE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/page/page_facts.h"

struct lmm_answer;
struct lmm_channel;
struct lmm_diet;
struct lmm_live_page;
struct lmm_page_figures;
struct lmm_page_tables;
struct lmm_timeline;

/* Returns a page without readings; NULL: out of memory. timeline: of the process, which must live as long; NULL: none. */
struct lmm_live_page *lmm_live_page_new(const struct lmm_timeline *timeline);

/* Ends the event streams; `ended`: with the event "gone". page may be NULL. */
void lmm_live_page_free(struct lmm_live_page *page, bool ended);

/* Takes a reading, whose model must live until the next one is taken, and tells the followers. False: memory ran out, and the page is good
 * for lmm_live_page_free() only. */
bool lmm_live_page_take(struct lmm_live_page *page, const struct lmm_page_moment *moment);

/* Takes a diet of the last reading, and notes, whose texts belong to the page then. The followers get hints with the next
 * delta, and a new document when layouts or notes have changed. */
void lmm_live_page_advise(struct lmm_live_page *page, const struct lmm_diet *diet,
                          char *const *notes, size_t note_count);

/* Returns the document, held for the caller; NULL: out of memory. It is made once for each reading that somebody asks
 * for. */
struct lmm_answer *lmm_live_page_document(struct lmm_live_page *page);

/* Returns a document without rows, of a process whose names are being looked up: its totals and, without call stacks, its
 * families. */
struct lmm_answer *lmm_live_page_provisional(const struct lmm_page_moment *moment);

/* Returns the document of the difference to an earlier moment of the same process, whose sites are named, too. */
struct lmm_answer *lmm_live_page_difference(const struct lmm_page_moment *before,
                                            const struct lmm_page_moment *now);

struct lmm_channel *lmm_live_page_channel(struct lmm_live_page *page);

/* Return what rows are made of. */
const struct lmm_page_tables *lmm_live_page_tables(const struct lmm_live_page *page);
const struct lmm_page_figures *lmm_live_page_figures(const struct lmm_live_page *page);
const struct lmm_page_moment *lmm_live_page_moment(const struct lmm_live_page *page);

#endif
