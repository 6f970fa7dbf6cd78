/* SPDX-License-Identifier: MIT */
/* run_timeline: the timeline of a process of a run, completed by what is known of its end. Stateless. */
#ifndef LMM_PROGRAM_RUN_TIMELINE_H
#define LMM_PROGRAM_RUN_TIMELINE_H

struct lmm_run_book;
struct lmm_run_books;
struct lmm_sampler;
struct lmm_timeline;

/* Returns the timeline of a book, as lmm_sampler_end() does. sampler may be NULL. */
const struct lmm_timeline *lmm_run_timeline(struct lmm_sampler *sampler,
                                            const struct lmm_run_books *books,
                                            const struct lmm_run_book *book);

#endif
