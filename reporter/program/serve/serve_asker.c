/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_asker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "reporter/program/attach/holder_answer.h"
#include "reporter/program/attach/memory_name.h"
#include "reporter/program/ledger/snapshot.h"

struct lmm_question {
    struct lmm_asker *asker; /* NULL: this place is free */
    const void *of;
    char *path;
    struct lmm_snapshot *snapshot;
    struct lmm_question_text text;
    bool is_abandoned;
    bool has_ended; /* under the lock; the result is the thread's until then */
    struct lmm_question_result result;
};

struct lmm_asker {
    int wake;
    pthread_mutex_t lock;
    struct lmm_question questions[LMM_ASKER_MAX];
};

struct lmm_asker *lmm_asker_new(int wake)
{
    struct lmm_asker *asker = calloc(1, sizeof(*asker));

    if (asker != NULL) {
        asker->wake = wake;
        pthread_mutex_init(&asker->lock, NULL);
    }
    return asker;
}

bool lmm_asker_is_idle(const struct lmm_asker *asker)
{
    for (size_t i = 0; i < LMM_ASKER_MAX; i++) {
        if (asker->questions[i].asker != NULL) {
            return false;
        }
    }
    return true;
}

void lmm_asker_free(struct lmm_asker *asker)
{
    if (asker != NULL) {
        assert(lmm_asker_is_idle(asker));
        pthread_mutex_destroy(&asker->lock);
        free(asker);
    }
}

/* ---- The thread ------------------------------------------------------------------------------ */

static bool ask_for_cells(const struct lmm_question *question, struct lmm_question_result *result)
{
    const struct lmm_question_text *text = &question->text;

    result->cells = malloc(sizeof(*result->cells));
    if (result->cells == NULL) {
        lmm_reason_set(&result->reason, "%s", strerror(ENOMEM));
        return false;
    }
    return lmm_request_cells(question->path, question->snapshot, text->families, text->family_count,
                             result->cells, &result->reason);
}

/* Names the roots of an answer. */
static void name_roots(const struct lmm_question *question, struct lmm_holder_answer *answer)
{
    struct lmm_memory_names *names = lmm_memory_names_open(question->snapshot->header->pid);

    lmm_holder_answer_name(answer, names);
    lmm_memory_names_close(names);
}

/* What a process does not tell stays unknown. */
static bool ask_what_is_retained(const struct lmm_question *question,
                                 struct lmm_question_result *result)
{
    struct lmm_holder_keeper keepers[LMM_HOLDER_KEEPERS_MAX];
    size_t count;

    if (!lmm_holder_keepers_ask(question->path, question->snapshot, question->text.retained,
                                keepers, &count, &result->reason)) {
        return false;
    }
    for (size_t i = 0; i < count && !result->has_retained; i++) {
        result->has_retained = keepers[i].site == question->text.site;
        result->retained_bytes = keepers[i].bytes;
    }
    return true;
}

static bool ask_for_holders(const struct lmm_question *question, struct lmm_question_result *result)
{
    result->holders = malloc(sizeof(*result->holders));
    if (result->holders == NULL) {
        lmm_reason_set(&result->reason, "%s", strerror(ENOMEM));
        return false;
    }
    if (!lmm_holder_answer_ask(question->path, question->snapshot, question->text.holders,
                               result->holders, &result->reason)) {
        return false;
    }
    name_roots(question, result->holders);
    return question->text.retained == NULL || ask_what_is_retained(question, result);
}

static bool ask_for(const struct lmm_question *question, struct lmm_question_result *result)
{
    const struct lmm_question_text *text = &question->text;

    switch (text->kind) {
    case LMM_QUESTION_CHECK:
        return lmm_request_check(question->path, question->snapshot, &text->check, &result->reason);
    case LMM_QUESTION_CELLS: return ask_for_cells(question, result);
    case LMM_QUESTION_HOLDERS: return ask_for_holders(question, result);
    default:
        return lmm_request_mark(question->path, question->snapshot, text->mark, &result->number,
                                &result->reason);
    }
}

static void *ask(void *context)
{
    struct lmm_question *question = context;
    struct lmm_asker *asker = question->asker;

    question->result.is_good = ask_for(question, &question->result);
    pthread_mutex_lock(&asker->lock);
    question->has_ended = true;
    pthread_mutex_unlock(&asker->lock);
    eventfd_write(asker->wake, 1);
    return NULL;
}

static bool start(struct lmm_question *question)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    int error;

    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* lost_pages.h */
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the server's own thread */
    error = pthread_create(&thread, &attributes, ask, question);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

/* ---- The server's side ----------------------------------------------------------------------- */

static bool has_ended(struct lmm_question *question)
{
    bool ended;

    pthread_mutex_lock(&question->asker->lock);
    ended = question->has_ended;
    pthread_mutex_unlock(&question->asker->lock);
    return ended;
}

void lmm_question_result_free(struct lmm_question_result *result)
{
    free(result->cells);
    free(result->holders);
    *result = (struct lmm_question_result) {.is_good = false};
}

void lmm_question_text_free(struct lmm_question_text *text)
{
    free(text->holders);
    free(text->retained);
    text->holders = NULL;
    text->retained = NULL;
}

static void drop(struct lmm_question *question)
{
    lmm_snapshot_free(question->snapshot);
    free(question->path);
    lmm_question_text_free(&question->text);
    lmm_question_result_free(&question->result);
    *question = (struct lmm_question) {.asker = NULL};
}

/* Returns a free place; NULL: there is none, or the process is asked something already. */
static struct lmm_question *find_place(struct lmm_asker *asker, const void *of)
{
    struct lmm_question *place = NULL;

    for (size_t i = 0; i < LMM_ASKER_MAX; i++) {
        struct lmm_question *question = &asker->questions[i];

        if (question->asker != NULL && question->is_abandoned && has_ended(question)) {
            drop(question);
        }
        if (question->asker == NULL) {
            place = question;
        } else if (question->of == of) {
            return NULL;
        }
    }
    return place;
}

struct lmm_question *lmm_asker_ask(struct lmm_asker *asker, const void *of, const char *path,
                                   struct lmm_snapshot *snapshot, struct lmm_question_text *text)
{
    struct lmm_question *question = find_place(asker, of);

    if (question == NULL) {
        lmm_snapshot_free(snapshot);
        lmm_question_text_free(text);
        return NULL;
    }
    *question = (struct lmm_question) {
        .asker = asker, .of = of, .path = strdup(path), .snapshot = snapshot, .text = *text};
    if (question->path == NULL || !start(question)) {
        drop(question);
        return NULL;
    }
    return question;
}

bool lmm_question_take(struct lmm_question *question, struct lmm_question_result *ret_result)
{
    if (!has_ended(question)) {
        return false;
    }
    *ret_result = question->result;
    question->result = (struct lmm_question_result) {.is_good = false}; /* it is the caller's */
    drop(question);
    return true;
}

void lmm_question_abandon(struct lmm_question *question)
{
    question->is_abandoned = true;
    if (has_ended(question)) {
        drop(question);
    }
}
