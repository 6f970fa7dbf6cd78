/* SPDX-License-Identifier: MIT */
/*
 * serve_http: HTTP by libmicrohttpd: connections, and what is refused before anybody is asked (docs/http-api.md, "Who may ask"). It has no
 * thread: lmm_http_run() does what is to be done, and its caller waits for the descriptor.
 *
 * A request is given to the handler when all of it is there. The handler may answer at once, or later: then the connection sleeps, and
 * the handler is asked again after lmm_http_wake().
 */
#ifndef LMM_PROGRAM_SERVE_HTTP_H
#define LMM_PROGRAM_SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/serve/serve_route.h"

struct lmm_answer;
struct lmm_guard;
struct lmm_http;

enum {
    LMM_HTTP_BODY_MAX = 4096,
    LMM_HTTP_CONNECTIONS = 256,
    LMM_HTTP_STREAMS = 128,
    LMM_HTTP_RATE = 200, /* requests a second, and twice as many at once */
    LMM_HTTP_HEADERS_MAX = 16 << 10,
};

struct lmm_http_request {
    struct lmm_ask ask;
    const char *path;
    bool is_post;
    bool wants_openmetrics; /* its header Accept */
    const char *body;       /* of POST; ends with a NUL, which it has none of inside */
    size_t body_bytes;
    void *pending; /* the handler's, NULL at first, while it has not answered */
};

struct lmm_http_handler {
    /* Returns the answer, which is dropped when it was sent; or NULL: there is none yet, if *ret_wait, else memory ran out. */
    struct lmm_answer *(*answer)(void *context, struct lmm_http_request *request, bool *ret_wait);
    /* Whether there is an asset of that path. */
    bool (*is_asset)(void *context, const char *path);
    /* The client has gone before it was answered: pending is not NULL. */
    void (*forget)(void *context, void *pending);
    void *context;
};

/* Listens on the socket, which it closes at the end. False: out of memory or descriptors. guard must live as long. */
struct lmm_http *lmm_http_open(int socket, const struct lmm_guard *guard,
                               const struct lmm_http_handler *handler);

/* Becomes readable when lmm_http_run() has something to do. */
int lmm_http_descriptor(const struct lmm_http *http);

/* How long to wait for that at most; -1: for ever. */
int lmm_http_timeout_ms(struct lmm_http *http);

void lmm_http_run(struct lmm_http *http);

/* Asks the handler again for all requests that wait. */
void lmm_http_wake(struct lmm_http *http);

/* All channels must be closed before. http may be NULL. */
void lmm_http_close(struct lmm_http *http);

#endif
