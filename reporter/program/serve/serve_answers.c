/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/json.h"
#include "reporter/core/model.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/serve/observed.h"
#include "reporter/program/serve/observer.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_channel.h"
#include "reporter/program/serve/serve_http.h"
#include "reporter/program/serve/serve_metrics.h"
#include "reporter/program/serve/serve_options.h"

static struct lmm_answer *text_answer(const char *type, const char *text)
{
    struct lmm_answer *answer = lmm_answer_new(200, type);
    struct lmm_sink sink;

    if (answer == NULL) {
        return NULL;
    }
    lmm_answer_sink(answer, &sink);
    lmm_sink_puts(&sink, text);
    return lmm_answer_done(answer, lmm_sink_flush(&sink));
}

/* ---- One process ----------------------------------------------------------------------------- */

/* Renders the last reading of a process in a format of `lmm report`. */
static struct lmm_answer *render(const struct lmm_observed *observed, const char *name,
                                 const char *type)
{
    struct lmm_answer *answer = lmm_answer_new(200, type);
    struct lmm_format_options options = {.sites = true};
    struct lmm_sink sink;

    if (answer == NULL) {
        return NULL;
    }
    lmm_answer_sink(answer, &sink);
    return lmm_answer_done(
        answer, lmm_format_find(name)->render(observed->snapshot->model, &sink, &options));
}

static struct lmm_answer *answer_loaded(struct lmm_answers *answers,
                                        const struct lmm_http_request *request,
                                        struct lmm_observed *observed)
{
    (void) answers;
    switch (request->ask.route) {
    case LMM_ROUTE_FAMILIES: return render(observed, "json", "application/json");
    case LMM_ROUTE_PROFILE: return render(observed, "pprof", "application/octet-stream");
    default: return lmm_answer_error(404, "there is no such path");
    }
}

static struct lmm_answer *answer_process(struct lmm_answers *answers,
                                         const struct lmm_http_request *request, bool *ret_wait)
{
    struct lmm_observed *observed = lmm_observer_find(answers->observer, request->ask.process);

    if (observed == NULL && request->ask.process.pid == 0) {
        return lmm_answer_error(404, "no process runs, or several do: ?pid= says which one");
    }
    if (observed == NULL) {
        return lmm_answer_error(404, "there is no such process");
    }
    if (!lmm_observer_load(answers->observer, observed, ret_wait)) {
        return *ret_wait
                   ? NULL
                   : lmm_answer_error(409, "the ledger cannot be read: %s", observed->trouble.text);
    }
    return answer_loaded(answers, request, observed);
}

/* ---- All processes --------------------------------------------------------------------------- */

static struct lmm_answer *answer_events(struct lmm_channel *channel, const struct lmm_ask *ask)
{
    struct lmm_answer *answer = lmm_answer_new(200, "text/event-stream");

    if (answer != NULL) {
        answer->stream = lmm_stream_new(channel, ask->has_since, ask->since);
    }
    return answer != NULL && answer->stream == NULL ? lmm_answer_done(answer, -ENOMEM) : answer;
}

struct lmm_answer *lmm_answers_answer(void *context, struct lmm_http_request *request,
                                      bool *ret_wait)
{
    struct lmm_answers *answers = context;

    switch (request->ask.route) {
    case LMM_ROUTE_HEALTH: return text_answer("text/plain; charset=utf-8", "ok\n");
    case LMM_ROUTE_PAGE:
        return text_answer("text/plain; charset=utf-8", "The page is not there yet.\n");
    case LMM_ROUTE_PROCESSES: return lmm_observer_list(answers->observer, false);
    case LMM_ROUTE_EVENTS: return answer_events(answers->observer->channel, &request->ask);
    case LMM_ROUTE_METRICS:
        return lmm_serve_metrics(answers->observer, request->wants_openmetrics, request->ask.sites);
    default: return answer_process(answers, request, ret_wait);
    }
}

bool lmm_answers_is_asset(void *context, const char *path)
{
    (void) context;
    (void) path;
    return false;
}

void lmm_answers_forget(void *context, void *pending)
{
    (void) context;
    (void) pending;
}

/* ---- Start and end --------------------------------------------------------------------------- */

bool lmm_answers_init(struct lmm_answers *answers, int wake,
                      const struct lmm_server_options *options)
{
    answers->observer = lmm_observer_new(wake, options->limit_bytes);
    return answers->observer != NULL;
}

void lmm_answers_end(struct lmm_answers *answers)
{
    lmm_observer_free(answers->observer);
    answers->observer = NULL;
}

void lmm_answers_free(struct lmm_answers *answers)
{
    (void) answers;
}

bool lmm_answers_take(struct lmm_answers *answers)
{
    return lmm_observer_take_names(answers->observer);
}
