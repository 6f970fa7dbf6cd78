/* SPDX-License-Identifier: MIT */
/*
 * sampler: the figures over time of the processes of one `lmm run`, sampled from outside: a
 * process_history.h for each ledger that appears in the run's folder.
 *
 * A sample is taken every 10 ms at first, so that short programs have a curve, too; then at a hundredth
 * of the time that the program has run, up to every 100 ms; and when a timeline was thinned as seldom
 * as its points are, up to every second. At most a hundredth of a processor's time is for samples: where
 * one takes long (many sites and threads), they are rarer.
 *
 * At most LMM_SAMPLER_PROCESSES processes have a timeline. When there are more, a new one takes the
 * place of the one that has ended and had least live bytes; if none has ended, it has none.
 *
 * Locks: none. Only one thread may use it.
 */
#ifndef LMM_PROGRAM_SAMPLER_H
#define LMM_PROGRAM_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lmm_model;
struct lmm_run_folder;
struct lmm_sampler;
struct lmm_timeline;

enum {
    LMM_SAMPLER_PROCESSES = 64,
};

/* Returns a sampler for the ledgers in a folder, which must live as long; to be closed with
 * lmm_sampler_close(); NULL: out of memory. period_ns: of samples from the start on; 0: as said above.
 * has_children: ledgers may be those of forked children. */
struct lmm_sampler *lmm_sampler_open(const struct lmm_run_folder *folder, uint64_t period_ns,
                                     bool has_children);

/* Samples, when it is time. Returns in how many nanoseconds to look again. context: the sampler.
 * program: the PID of the program. A `look` of struct lmm_launch. */
uint64_t lmm_sampler_look(void *context, pid_t program);

/* Says that the run has ended now. */
void lmm_sampler_stop(struct lmm_sampler *sampler);

/* How a process ended. */
struct lmm_sampler_end {
    bool is_program; /* the process that lmm run started */
    bool is_live;    /* it has not ended */
    bool has_status; /* it was waited for, with `status` from wait(2) */
    int status;
    const char *executed;    /* the program that it became by exec before it kept this
                                ledger; NULL: none is known, or it is a child */
    const char *became;      /* the program that it became by exec, unseen by LMM; NULL: none */
    uint64_t became_time_ns; /* CLOCK_REALTIME; 0: unknown */
};

/* Completes the timeline of the process that wrote the ledger at path, by its last figures. Returns it;
 * NULL: it has none. It lives as long as the sampler. sampler may be NULL. To be called once for each
 * ledger. */
const struct lmm_timeline *lmm_sampler_end(struct lmm_sampler *sampler, const char *path,
                                           const struct lmm_model *model,
                                           const struct lmm_sampler_end *end);

/* sampler may be NULL. */
void lmm_sampler_close(struct lmm_sampler *sampler);

#endif
