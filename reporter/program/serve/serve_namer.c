/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_namer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/page/page_report.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"

enum { NOTES = 10 };

enum state { IDLE, STARTED, ENDED, STOPPING };

struct lmm_namer {
    int wake;
    bool is_busy; /* the server's own: from start() to take() */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum state state; /* these two: under the lock; the job is the thread's while STARTED */
    struct lmm_naming job;
};

static void tell_server(const struct lmm_namer *namer)
{
    eventfd_write(namer->wake, 1);
}

static void work(struct lmm_naming *job)
{
    struct lmm_model *model = job->snapshot->model;

    job->is_named = lmm_types_apply(&job->symbols, LMM_SYMBOLS_QUIET, model);
    if (job->is_named && job->wants_advice) {
        lmm_page_report_diet(model, job->symbols, NULL, &job->diet);
        job->note_count =
            job->symbols == NULL ? 0 : lmm_gap_notes_texts(job->symbols, NOTES, job->notes);
    }
}

void lmm_naming_free_advice(struct lmm_naming *job)
{
    lmm_diet_free(&job->diet);
    while (job->note_count > 0) {
        free(job->notes[--job->note_count]);
    }
}

static void *run(void *context)
{
    struct lmm_namer *namer = context;

    pthread_mutex_lock(&namer->lock);
    while (namer->state != STOPPING) {
        if (namer->state != STARTED) {
            pthread_cond_wait(&namer->changed, &namer->lock);
            continue;
        }
        pthread_mutex_unlock(&namer->lock);
        work(&namer->job);
        pthread_mutex_lock(&namer->lock);
        if (namer->state == STARTED) {
            namer->state = ENDED;
        }
        tell_server(namer);
    }
    pthread_mutex_unlock(&namer->lock);
    return NULL;
}

struct lmm_namer *lmm_namer_new(int wake)
{
    struct lmm_namer *namer = calloc(1, sizeof(*namer));
    sigset_t all;
    sigset_t before;
    int error;

    if (namer == NULL) {
        return NULL;
    }
    namer->wake = wake;
    pthread_mutex_init(&namer->lock, NULL);
    pthread_cond_init(&namer->changed, NULL);
    sigfillset(&all);
    sigdelset(&all, SIGBUS);                     /* lost_pages.h */
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the server's own thread */
    error = pthread_create(&namer->thread, NULL, run, namer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(namer);
        return NULL;
    }
    return namer;
}

static void set_state(struct lmm_namer *namer, enum state state)
{
    pthread_mutex_lock(&namer->lock);
    namer->state = state;
    pthread_cond_signal(&namer->changed);
    pthread_mutex_unlock(&namer->lock);
}

void lmm_namer_free(struct lmm_namer *namer)
{
    if (namer == NULL) {
        return;
    }
    set_state(namer, STOPPING);
    pthread_join(namer->thread, NULL);
    if (namer->is_busy) {
        lmm_naming_free_advice(&namer->job);
        lmm_snapshot_free(namer->job.snapshot);
        lmm_symbols_close(namer->job.symbols);
    }
    pthread_cond_destroy(&namer->changed);
    pthread_mutex_destroy(&namer->lock);
    free(namer);
}

bool lmm_namer_is_idle(const struct lmm_namer *namer)
{
    return !namer->is_busy;
}

void lmm_namer_start(struct lmm_namer *namer, const struct lmm_naming *job)
{
    assert(!namer->is_busy);
    namer->is_busy = true;
    namer->job = *job; /* the thread waits, so nobody else reads it */
    set_state(namer, STARTED);
}

bool lmm_namer_take(struct lmm_namer *namer, struct lmm_naming *ret_job)
{
    bool has_ended;

    pthread_mutex_lock(&namer->lock);
    has_ended = namer->is_busy && namer->state == ENDED;
    if (has_ended) {
        namer->state = IDLE;
    }
    pthread_mutex_unlock(&namer->lock);
    if (has_ended) {
        namer->is_busy = false;
        *ret_job = namer->job;
    }
    return has_ended;
}
