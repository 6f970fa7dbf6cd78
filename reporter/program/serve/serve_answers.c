/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/json.h"
#include "reporter/core/model.h"
#include "reporter/program/base/program.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/serve/live_page.h"
#include "reporter/program/serve/observed.h"
#include "reporter/program/serve/observer.h"
#include "reporter/program/serve/past.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_asker.h"
#include "reporter/program/serve/serve_channel.h"
#include "reporter/program/serve/serve_http.h"
#include "reporter/program/serve/serve_metrics.h"
#include "reporter/program/serve/serve_namer.h"
#include "reporter/program/serve/serve_options.h"
#include "reporter/program/serve/serve_page.h"
#include "reporter/program/serve/serve_questions.h"
#include "reporter/program/serve/serve_rows.h"

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
    return lmm_answer_done(answer,
                           lmm_format_find(name)->render(observed->named->model, &sink, &options));
}

static struct lmm_answer *answer_difference(struct lmm_answers *answers, const struct lmm_ask *ask,
                                            struct lmm_observed *observed, bool *ret_wait)
{
    struct lmm_snapshot *before = lmm_observed_mark(observed, (uint32_t) ask->mark);
    struct lmm_page_moment then;
    struct lmm_page_moment now;

    if (!ask->has_mark) {
        return lmm_answer_error(400, "?mark= says which mark to compare with");
    }
    if (before == NULL) {
        return lmm_answer_error(404,
                                "this server has not made the mark, or does not keep it any more");
    }
    if (!lmm_observer_name(answers->observer, observed, before)) {
        *ret_wait = true;
        return NULL;
    }
    then = lmm_observed_moment(observed, before->model);
    then.made_time_ns = before->model->mark.time_ns;
    then.resident_bytes = 0;
    now = lmm_observed_moment(observed, observed->named->model);
    return lmm_live_page_difference(&then, &now);
}

static struct lmm_answer *answer_events(struct lmm_channel *channel, const struct lmm_ask *ask)
{
    struct lmm_answer *answer = lmm_answer_new(200, "text/event-stream");

    if (answer != NULL) {
        answer->stream = lmm_stream_new(channel, ask->has_since, ask->since);
    }
    return answer != NULL && answer->stream == NULL ? lmm_answer_done(answer, -ENOMEM) : answer;
}

static struct lmm_answer *answer_loaded(struct lmm_answers *answers,
                                        struct lmm_http_request *request,
                                        struct lmm_observed *observed, bool *ret_wait)
{
    const struct lmm_ask *ask = &request->ask;
    const char *id = observed->id_text;
    uint64_t checked_ns;

    switch (ask->route) {
    case LMM_ROUTE_FAMILIES: return render(observed, "json", "application/json");
    case LMM_ROUTE_PROFILE: return render(observed, "pprof", "application/octet-stream");
    case LMM_ROUTE_DIFF: return answer_difference(answers, ask, observed, ret_wait);
    default: break;
    }
    if (observed->page == NULL) {
        return NULL; /* memory ran out */
    }
    switch (ask->route) {
    case LMM_ROUTE_TYPES:
        return lmm_serve_rows(observed->page, id, LMM_ROWS_TYPES, (size_t) ask->top);
    case LMM_ROUTE_SITES:
        return lmm_serve_rows(observed->page, id, LMM_ROWS_LINES, (size_t) ask->top);
    case LMM_ROUTE_LEAKS:
        return lmm_serve_rows(observed->page, id, LMM_ROWS_LEAKS, (size_t) ask->top);
    case LMM_ROUTE_CELLS:
    case LMM_ROUTE_HOLDERS:
        return lmm_serve_question(answers->asker, request, observed, ret_wait, &checked_ns);
    case LMM_ROUTE_HISTORY:
        return lmm_serve_history(observed->page, id, observed->timeline, ask->since);
    case LMM_ROUTE_PROCESS_EVENTS:
        lmm_observer_advise(answers->observer, observed);
        return answer_events(lmm_live_page_channel(observed->page), ask);
    default:
        lmm_observer_advise(answers->observer, observed);
        return lmm_live_page_document(observed->page);
    }
}

/* While names are being looked up, the page has a document without rows, so that it need not wait. NULL: there is none. */
static struct lmm_answer *answer_unnamed(const struct lmm_ask *ask, struct lmm_observed *observed)
{
    struct lmm_page_moment moment;

    if (ask->route != LMM_ROUTE_PROCESS) {
        return NULL;
    }
    if (observed->latest != NULL) {
        moment = lmm_observed_moment(observed, observed->latest->model);
        return lmm_live_page_provisional(&moment);
    }
    return observed->provisional == NULL ? NULL : lmm_answer_hold(observed->provisional);
}

/* As lmm_observer_load(), with a reading since a time; of a process that cannot be read any more with what
 * it left. */
static bool load_since(struct lmm_observer *observer, struct lmm_observed *observed,
                       uint64_t since_ns, bool *ret_wait)
{
    for (int tries = 0; tries < 2; tries++) {
        if (!lmm_observer_load(observer, observed, ret_wait)) {
            return false;
        }
        if (observed->named_read_ns >= since_ns) {
            return true;
        }
        if (observed->is_naming || observed->wants_names) {
            *ret_wait = true;
            return false;
        }
        lmm_observed_outdate(observed);
    }
    return true;
}

static struct lmm_answer *answer_process(struct lmm_answers *answers,
                                         struct lmm_http_request *request, bool *ret_wait)
{
    const struct lmm_ask *ask = &request->ask;
    struct lmm_observed *observed = lmm_observer_find(answers->observer, ask->process);
    struct lmm_answer *answer;
    uint64_t since_ns = 0;

    if (observed == NULL && ask->process.pid == 0) {
        return lmm_answer_error(404, "no process runs, or several do: ?pid= says which one");
    }
    if (observed == NULL) {
        return lmm_answer_error(404, "there is no such process");
    }
    if (request->is_post && ask->route != LMM_ROUTE_HOLDERS) { /* that one needs the page's rows */
        answer = lmm_serve_question(answers->asker, request, observed, ret_wait, &since_ns);
        if (since_ns == 0) {
            return answer;
        }
    }
    if (load_since(answers->observer, observed, since_ns, ret_wait)) {
        return answer_loaded(answers, request, observed, ret_wait);
    }
    answer = *ret_wait
                 ? answer_unnamed(ask, observed)
                 : lmm_answer_error(409, "the ledger cannot be read: %s", observed->trouble.text);
    *ret_wait = answer == NULL;
    return answer;
}

/* ---- All processes --------------------------------------------------------------------------- */

struct lmm_answer *lmm_answers_answer(void *context, struct lmm_http_request *request,
                                      bool *ret_wait)
{
    struct lmm_answers *answers = context;

    switch (request->ask.route) {
    case LMM_ROUTE_HEALTH: return text_answer("text/plain; charset=utf-8", "ok\n");
    case LMM_ROUTE_PAGE: return lmm_serve_page();
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
    lmm_serve_question_forget(pending);
}

/* ---- Start and end --------------------------------------------------------------------------- */

bool lmm_answers_init(struct lmm_answers *answers, int wake,
                      const struct lmm_server_options *options)
{
    if (options->history != NULL) {
        answers->past = lmm_past_open(options->history);
        if (answers->past == NULL) {
            return false;
        }
    }
    answers->observer = lmm_observer_new(wake, options->limit_bytes, answers->past);
    answers->asker = lmm_asker_new(wake);
    if (answers->observer == NULL || answers->asker == NULL) {
        lmm_complain("%s", strerror(ENOMEM));
        return false;
    }
    return true;
}

void lmm_answers_end(struct lmm_answers *answers)
{
    lmm_observer_free(answers->observer);
    answers->observer = NULL;
}

void lmm_answers_free(struct lmm_answers *answers)
{
    lmm_asker_free(answers->asker);
    lmm_past_close(answers->past);
}

bool lmm_answers_are_busy(const struct lmm_answers *answers)
{
    return !lmm_namer_is_idle(answers->observer->namer) || !lmm_asker_is_idle(answers->asker);
}

bool lmm_answers_take(struct lmm_answers *answers)
{
    (void) lmm_observer_take_names(answers->observer);
    return true; /* perhaps a process has answered a question */
}
