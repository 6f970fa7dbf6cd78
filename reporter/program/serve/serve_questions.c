/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_questions.h"

#include <stdint.h>
#include <stdlib.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/serve/observed.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_asker.h"
#include "reporter/program/serve/serve_body.h"
#include "reporter/program/serve/serve_http.h"

enum { CONFIRM_MS_MAX = 60000 };

/* What a request has pending. */
struct errand {
    struct lmm_question *question; /* NULL: the process has answered */
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
    text->is_check = true;
    return good && (mark != 0 || !check->wants_old);
}

/* Asks; NULL: the process has been asked. */
static struct lmm_answer *ask(struct lmm_asker *asker, struct lmm_http_request *request,
                              struct lmm_observed *observed)
{
    struct lmm_question_text text = {.is_check = false};
    struct errand *errand;
    struct lmm_snapshot *snapshot;

    if (!(request->ask.route == LMM_ROUTE_MARKS ? read_mark(request, &text)
                                                : read_check(request, &text))) {
        return lmm_answer_error(400,
                                "the body is malformed, or a member is unknown or out of range");
    }
    if (!lmm_observed_runs(observed)) {
        return lmm_answer_error(409, "the process has ended");
    }
    snapshot = lmm_observed_read(observed);
    errand = calloc(1, sizeof(*errand));
    if (snapshot == NULL || errand == NULL) {
        lmm_snapshot_free(snapshot);
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

struct lmm_answer *lmm_serve_question(struct lmm_asker *asker, struct lmm_http_request *request,
                                      struct lmm_observed *observed, bool *ret_wait,
                                      bool *ret_checked)
{
    struct errand *errand = request->pending;
    struct lmm_reason reason;
    size_t number = 0;
    bool good = true;

    *ret_wait = false;
    *ret_checked = false;
    if (errand == NULL) {
        struct lmm_answer *refusal = ask(asker, request, observed);

        *ret_wait = refusal == NULL;
        return refusal;
    }
    if (errand->question != NULL) {
        if (!lmm_question_take(errand->question, &good, &number, &reason)) {
            *ret_wait = true;
            return NULL;
        }
        errand->question = NULL;
        if (!good) {
            return lmm_answer_error(409, "%s", reason.text);
        }
        if (request->ask.route == LMM_ROUTE_MARKS) {
            return answer_mark(observed, number);
        }
        lmm_observed_outdate(observed); /* a new reading has the result */
    }
    *ret_checked = true;
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
