/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_answer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 1024 };

struct lmm_answer *lmm_answer_new(unsigned status, const char *type)
{
    struct lmm_answer *answer = calloc(1, sizeof(*answer));

    if (answer != NULL) {
        answer->status = status;
        answer->type = type;
        answer->holders = 1;
    }
    return answer;
}

struct lmm_answer *lmm_answer_hold(struct lmm_answer *answer)
{
    answer->holders++;
    return answer;
}

void lmm_answer_drop(struct lmm_answer *answer)
{
    if (answer == NULL) {
        return;
    }
    assert(answer->holders > 0);
    if (--answer->holders == 0) {
        free(answer->bytes);
        free(answer);
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Makes room for more bytes at the end of the answer. */
static bool reach(struct lmm_answer *answer, size_t more)
{
    size_t room = answer->room == 0 ? FIRST_BYTES : answer->room;
    char *bytes;

    while (room - answer->size < more) {
        room *= 2;
    }
    bytes = room == answer->room ? answer->bytes : realloc(answer->bytes, room);
    if (bytes != NULL) {
        answer->bytes = bytes;
        answer->room = room;
    }
    return bytes != NULL;
}

static int take(void *context, const char *data, size_t bytes)
{
    struct lmm_answer *answer = context;

    if (!reach(answer, bytes)) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < bytes; i++) {
        bool is_end = answer->one_line && data[i] == '\n';

        answer->bytes[answer->size + i] = is_end ? ' ' : data[i];
    }
    answer->size += bytes;
    return 0;
}

void lmm_answer_sink(struct lmm_answer *answer, struct lmm_sink *sink)
{
    lmm_sink_init(sink, take, answer);
}

struct lmm_answer *lmm_answer_done(struct lmm_answer *answer, int error)
{
    if (error == 0) {
        return answer;
    }
    lmm_answer_drop(answer);
    return NULL;
}

bool lmm_answer_json_begin(struct lmm_answer_json *writer, unsigned status, bool one_line)
{
    writer->answer = lmm_answer_new(status, "application/json");
    if (writer->answer == NULL) {
        return false;
    }
    writer->answer->one_line = one_line;
    lmm_answer_sink(writer->answer, &writer->sink);
    lmm_json_init(&writer->json, &writer->sink);
    return true;
}

struct lmm_answer *lmm_answer_json_end(struct lmm_answer_json *writer)
{
    return lmm_answer_done(writer->answer, lmm_json_finish(&writer->json));
}

struct lmm_answer *lmm_answer_json_end_if(struct lmm_answer_json *writer, bool good)
{
    struct lmm_answer *answer = lmm_answer_json_end(writer);

    if (!good) {
        lmm_answer_drop(answer);
        return NULL;
    }
    return answer;
}

struct lmm_answer *lmm_answer_error(unsigned status, const char *format, ...)
{
    struct lmm_answer_json writer;
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!lmm_answer_json_begin(&writer, status, false)) {
        return NULL;
    }
    lmm_json_begin_object(&writer.json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_text(&writer.json, "error", text);
    lmm_json_end_object(&writer.json);
    return lmm_answer_json_end(&writer);
}
