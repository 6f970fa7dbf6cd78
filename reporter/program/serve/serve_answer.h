/* SPDX-License-Identifier: MIT */
/*
 * serve_answer: what is sent: bytes that are made once and may be sent to many clients. An answer is counted: it is freed when
 * the last one who holds it has dropped it, and does not change after it was given away.
 */
#ifndef LMM_PROGRAM_SERVE_ANSWER_H
#define LMM_PROGRAM_SERVE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/sink.h"

struct lmm_stream; /* serve_channel.h */

struct lmm_answer {
    unsigned status;      /* of HTTP */
    const char *type;     /* Content-Type; static */
    const char *encoding; /* Content-Encoding; static; NULL: none */
    const char *policy;   /* Content-Security-Policy; static; NULL: the usual one */
    const char *allow;    /* header Allow; static; NULL: none */
    char *bytes;
    size_t size;
    size_t room; /* of bytes */
    struct lmm_stream
        *stream; /* NULL: bytes are the answer; else it comes from there, and is its owner's */
    unsigned holders;
    bool sets_cookie; /* the header Set-Cookie with the session, and a redirect to / */
    bool one_line;    /* blanks are written instead of the line ends of JSON's layout */
};

/* Returns an empty answer, held once; NULL: out of memory. type: static. */
struct lmm_answer *lmm_answer_new(unsigned status, const char *type);

/* Makes *sink write to the end of the answer. */
void lmm_answer_sink(struct lmm_answer *answer, struct lmm_sink *sink);

/* Returns the answer if it was written whole, or NULL after dropping it: error is that of the sink. */
struct lmm_answer *lmm_answer_done(struct lmm_answer *answer, int error);

/* Returns {"error": ...}; NULL: out of memory. */
struct lmm_answer *lmm_answer_error(unsigned status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An answer of JSON that is being written. */
struct lmm_answer_json {
    struct lmm_answer *answer;
    struct lmm_sink sink;
    struct lmm_json json;
};

/* Starts a JSON answer; false: out of memory. one_line: without line ends. */
bool lmm_answer_json_begin(struct lmm_answer_json *writer, unsigned status, bool one_line);

/* Ends it, and returns it; NULL: out of memory. */
struct lmm_answer *lmm_answer_json_end(struct lmm_answer_json *writer);

/* The same; good: false when what was written is not to be used: returns NULL. */
struct lmm_answer *lmm_answer_json_end_if(struct lmm_answer_json *writer, bool good);

/* Returns answer, held once more. */
struct lmm_answer *lmm_answer_hold(struct lmm_answer *answer);

/* answer may be NULL. */
void lmm_answer_drop(struct lmm_answer *answer);

#endif
