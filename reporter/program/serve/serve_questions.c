/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_questions.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/serve/observed.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_asker.h"
#include "reporter/program/serve/serve_body.h"
#include "reporter/program/serve/serve_cells.h"
#include "reporter/program/serve/serve_holders.h"
#include "reporter/program/serve/serve_http.h"

enum { CONFIRM_MS_MAX = 60000 };

/* What a request has pending. */
struct errand {
    struct lmm_question *question; /* NULL: the process has answered */
    uint64_t checked_ns;           /* when it had made a leak check; 0: it has not */
};

static bool read_mark(const struct lmm_http_request *request, struct lmm_question_text *text)
{
    const struct lmm_body_member members[] = {
        {.key = "text", .text = text->mark, .text_room = sizeof(text->mark)}};

    return lmm_body_read(request->body, members, sizeof(members) / sizeof(members[0]));
}

static bool read_check(const struct lmm_http_request *request, struct lmm_question_text *text)
{
    uint64_t mark = 0;
    uint64_t confirm_ms = 0;
    struct lmm_check_request *check = &text->check;
    const struct lmm_body_member members[] = {
        {.key = "mark", .number = &mark, .most = UINT32_MAX},
        {.key = "old", .flag = &check->wants_old},
        {.key = "unaligned", .flag = &check->unaligned},
        {.key = "confirm_ms", .number = &confirm_ms, .most = CONFIRM_MS_MAX},
    };
    bool good = lmm_body_read(request->body, members, sizeof(members) / sizeof(members[0]));

    check->mark = (size_t) mark;
    check->confirm_ms = (size_t) confirm_ms;
    text->kind = LMM_QUESTION_CHECK;
    return good && (mark != 0 || !check->wants_old);
}

/* Answers a request about a row; result: NULL: it has no live blocks. */
static struct lmm_answer *answer_row(const struct lmm_http_request *request,
                                     const struct lmm_observed *observed,
                                     const struct lmm_question_result *result)
{
    return request->ask.route == LMM_ROUTE_CELLS
               ? lmm_serve_cells(observed->page, observed->id_text,
                                 result == NULL ? NULL : result->cells)
               : lmm_serve_holders(observed->page, &request->ask, observed->id_text, result);
}

/* Reads what is to be asked. Returns NULL; or the answer to a request without one. */
static struct lmm_answer *read_request(struct lmm_http_request *request,
                                       const struct lmm_observed *observed,
                                       struct lmm_question_text *text)
{
    bool retained = false;
    bool good = true;
    bool has_row = true;

    switch (request->ask.route) {
    case LMM_ROUTE_CELLS:
        has_row = lmm_serve_cells_question(observed->page, &request->ask, text);
        break;
    case LMM_ROUTE_HOLDERS:
        good = lmm_serve_holders_read(request->body, &request->ask, &retained);
        has_row = good && lmm_serve_holders_question(observed->page, &request->ask, retained, text);
        break;
    case LMM_ROUTE_MARKS: good = read_mark(request, text); break;
    default: good = read_check(request, text); break;
    }
    if (!good) {
        return lmm_answer_error(400,
                                "the body is malformed, or a member is unknown or out of range");
    }
    return has_row ? NULL : lmm_answer_error(400, "the page document has no such row");
}

/* Whether the row that is asked about has no live blocks, so that the process need not be asked. */
static bool is_empty_row(const struct lmm_http_request *request,
                         const struct lmm_question_text *text)
{
    return request->ask.has_row &&
           (text->kind == LMM_QUESTION_CELLS ? text->family_count == 0 : text->holders == NULL);
}

/* Asks; NULL: the process has been asked. */
static struct lmm_answer *ask(struct lmm_asker *asker, struct lmm_http_request *request,
                              struct lmm_observed *observed)
{
    struct lmm_question_text text = {.kind = LMM_QUESTION_MARK};
    struct lmm_answer *refusal = read_request(request, observed, &text);
    struct errand *errand;
    struct lmm_snapshot *snapshot;

    if (refusal != NULL) {
        return refusal;
    }
    if (!lmm_observed_runs(observed)) {
        lmm_question_text_free(&text);
        return lmm_answer_error(409, "the process has ended");
    }
    if (is_empty_row(request, &text)) {
        return answer_row(request, observed, NULL);
    }
    snapshot = lmm_observed_read(observed);
    errand = calloc(1, sizeof(*errand));
    if (snapshot == NULL || errand == NULL) {
        lmm_snapshot_free(snapshot);
        lmm_question_text_free(&text);
        free(errand);
        return lmm_answer_error(409, "the ledger cannot be read: %s", observed->trouble.text);
    }
    errand->question = lmm_asker_ask(asker, observed, observed->path, snapshot, &text);
    if (errand->question == NULL) {
        free(errand);
        return lmm_answer_error(429, "too many questions wait for an answer of processes");
    }
    request->pending = errand;
    return NULL;
}

/* The page compares with this moment later. */
static struct lmm_answer *answer_mark(struct lmm_observed *observed, size_t number)
{
    struct lmm_answer_json writer;
    struct lmm_snapshot *snapshot = lmm_observed_read(observed);
    uint64_t time_ns = snapshot == NULL ? 0 : snapshot->model->mark.time_ns;

    if (snapshot != NULL) {
        lmm_observed_keep_mark(observed, (uint32_t) number, snapshot);
    }
    if (!lmm_answer_json_begin(&writer, 201, false)) {
        return NULL;
    }
    lmm_json_begin_object(&writer.json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_u64(&writer.json, "number", number);
    lmm_json_u64(&writer.json, "time_ns", time_ns);
    lmm_json_end_object(&writer.json);
    return lmm_answer_json_end(&writer);
}

/* Takes the answer of the process; NULL: it has made a leak check, or memory ran out. */
static struct lmm_answer *answer_result(const struct lmm_http_request *request,
                                        struct lmm_observed *observed,
                                        const struct lmm_question_result *result)
{
    if (!result->is_good) {
        return lmm_answer_error(409, "%s", result->reason.text);
    }
    switch (request->ask.route) {
    case LMM_ROUTE_CELLS:
    case LMM_ROUTE_HOLDERS: return answer_row(request, observed, result);
    case LMM_ROUTE_MARKS: return answer_mark(observed, result->number);
    default:
        lmm_observed_outdate(observed); /* a new reading has the result */
        return NULL;
    }
}

struct lmm_answer *lmm_serve_question(struct lmm_asker *asker, struct lmm_http_request *request,
                                      struct lmm_observed *observed, bool *ret_wait,
                                      uint64_t *ret_checked_ns)
{
    struct errand *errand = request->pending;
    struct lmm_question_result result;

    *ret_wait = false;
    *ret_checked_ns = 0;
    if (errand == NULL) {
        struct lmm_answer *refusal = ask(asker, request, observed);

        *ret_wait = refusal == NULL;
        return refusal;
    }
    if (errand->question != NULL) {
        struct lmm_answer *answer;
        bool is_good;

        if (!lmm_question_take(errand->question, &result)) {
            *ret_wait = true;
            return NULL;
        }
        errand->question = NULL;
        answer = answer_result(request, observed, &result);
        is_good = result.is_good;
        lmm_question_result_free(&result);
        if (!is_good || request->ask.route != LMM_ROUTE_LEAKS) {
            return answer;
        }
        errand->checked_ns = lmm_clock_ns(CLOCK_REALTIME);
    }
    *ret_checked_ns = errand->checked_ns;
    return NULL;
}

void lmm_serve_question_forget(void *pending)
{
    struct errand *errand = pending;

    if (errand != NULL && errand->question != NULL) {
        lmm_question_abandon(errand->question);
    }
    free(errand);
}
