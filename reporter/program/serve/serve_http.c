/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_http.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reporter/program/base/clock.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_channel.h"
#include "reporter/program/serve/serve_guard.h"
#include "reporter/program/serve/server_functions.h"

enum {
    TOO_LARGE = 413, /* versions of libmicrohttpd name it in different ways */
    IDLE_SECONDS = 30,
    BURST = 2 * LMM_HTTP_RATE,
};

/* A request on its way. */
struct visit {
    struct lmm_http *http;
    struct MHD_Connection *connection;
    struct visit *next;         /* of those that wait */
    struct lmm_answer *refusal; /* NULL: it was let in */
    struct lmm_http_request request;
    bool is_head;
    bool is_bad; /* a parameter */
    bool waits;
    char body[LMM_HTTP_BODY_MAX + 1];
};

/* How many requests are allowed now. */
struct allowance {
    uint64_t refilled_ns; /* CLOCK_MONOTONIC; 0: never */
    uint64_t count;
};

struct lmm_http {
    struct MHD_Daemon *daemon;
    const struct lmm_guard *guard;
    struct lmm_http_handler handler;
    struct visit *waiting;
    size_t streams;
    struct allowance known;   /* requests with a token */
    struct allowance unknown; /* others, so that they take no request from those */
};

/* ---- Headers of answers ---------------------------------------------------------------------- */

/* Of all but the page, which has one of its own. */
static const char policy[] = "default-src 'none'; frame-ancestors 'none'";

static const char *const headers[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

static void set_cookie(struct MHD_Response *response, const struct lmm_guard *guard)
{
    char cookie[sizeof(guard->cookie) + sizeof(guard->session.text) + 64];

    snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict", guard->cookie,
             guard->session.text);
    lmm_microhttpd()->add_response_header(response, "Set-Cookie", cookie);
    lmm_microhttpd()->add_response_header(response, "Location", "/");
}

static void add_headers(struct MHD_Response *response, const struct lmm_answer *answer,
                        const struct lmm_guard *guard)
{
    lmm_microhttpd()->add_response_header(response, "Content-Security-Policy",
                                          answer->policy == NULL ? policy : answer->policy);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        lmm_microhttpd()->add_response_header(response, headers[i][0], headers[i][1]);
    }
    lmm_microhttpd()->add_response_header(response, "Content-Type", answer->type);
    if (answer->encoding != NULL) {
        lmm_microhttpd()->add_response_header(response, "Content-Encoding", answer->encoding);
    }
    if (answer->allow != NULL) {
        lmm_microhttpd()->add_response_header(response, "Allow", answer->allow);
    }
    if (answer->status == MHD_HTTP_UNAUTHORIZED) {
        lmm_microhttpd()->add_response_header(response, "WWW-Authenticate", "Bearer realm=\"lmm\"");
    }
    if (answer->sets_cookie) {
        set_cookie(response, guard);
    }
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* What libmicrohttpd has of a stream. */
struct flow {
    struct lmm_http *http;
    struct lmm_stream *stream;
    struct MHD_Connection *connection;
};

static void resume(void *context)
{
    lmm_microhttpd()->resume_connection(context);
}

static ssize_t read_flow(void *context, uint64_t position, char *to, size_t room)
{
    struct flow *flow = context;
    ssize_t bytes = lmm_stream_read(flow->stream, to, room);

    (void) position;
    if (bytes == 0) {
        lmm_microhttpd()->suspend_connection(flow->connection);
    }
    return bytes < 0 ? (ssize_t) MHD_CONTENT_READER_END_OF_STREAM : bytes;
}

static void close_flow(void *context)
{
    struct flow *flow = context;

    flow->http->streams--;
    lmm_stream_close(flow->stream);
    free(flow);
}

/* Takes the stream of the answer. */
static struct MHD_Response *stream_response(struct visit *visit, struct lmm_answer *answer)
{
    struct flow *flow = calloc(1, sizeof(*flow));
    struct MHD_Response *response;

    if (flow == NULL) {
        lmm_stream_close(answer->stream);
        return NULL;
    }
    *flow = (struct flow) {visit->http, answer->stream, visit->connection};
    visit->http->streams++;
    lmm_stream_set_wake(flow->stream, resume, flow->connection);
    response = lmm_microhttpd()->create_response_from_callback(MHD_SIZE_UNKNOWN, 32 << 10,
                                                               read_flow, flow, close_flow);
    if (response == NULL) {
        close_flow(flow);
    }
    return response;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void drop(void *context)
{
    lmm_answer_drop(context);
}

/* Copies the next bytes of an answer. libmicrohttpd can also send from the answer's own memory and tell when it is
 * done, but only since 0.9.73. */
static ssize_t read_answer(void *context, uint64_t offset, char *buffer, size_t room)
{
    const struct lmm_answer *answer = context;
    size_t left = offset < answer->size ? answer->size - (size_t) offset : 0;
    size_t bytes = left < room ? left : room;

    if (bytes == 0) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    memcpy(buffer, answer->bytes + offset, bytes);
    return (ssize_t) bytes;
}

static struct MHD_Response *response_of(struct visit *visit, struct lmm_answer *answer)
{
    static char nothing[1];
    struct MHD_Response *response;

    if (answer->stream != NULL) {
        return stream_response(visit, answer);
    }
    if (answer->size == 0) {
        return lmm_microhttpd()->create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    }
    response = lmm_microhttpd()->create_response_from_callback(answer->size, 64 << 10, read_answer,
                                                               answer, drop);
    if (response != NULL) {
        lmm_answer_hold(answer);
    }
    return response;
}

/* Sends the answer and drops it; NULL: the connection is closed. */
static enum MHD_Result send_answer(struct visit *visit, struct lmm_answer *answer)
{
    struct MHD_Response *response = answer == NULL ? NULL : response_of(visit, answer);
    enum MHD_Result result = MHD_NO;

    if (response != NULL) {
        add_headers(response, answer, visit->http->guard);
        result = lmm_microhttpd()->queue_response(visit->connection, answer->status, response);
        lmm_microhttpd()->destroy_response(response);
    }
    lmm_answer_drop(answer);
    return result;
}

/* ---- Letting in ------------------------------------------------------------------------------ */

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return lmm_microhttpd()->lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct lmm_guard_headers headers_of(struct MHD_Connection *connection)
{
    return (struct lmm_guard_headers) {
        .host = header_of(connection, "Host"),
        .origin = header_of(connection, "Origin"),
        .fetch_site = header_of(connection, "Sec-Fetch-Site"),
        .fetch_mode = header_of(connection, "Sec-Fetch-Mode"),
        .authorization = header_of(connection, "Authorization"),
        .cookie = header_of(connection, "Cookie"),
    };
}

/* Whether one more request is allowed now. */
static bool has_room(struct allowance *allowance)
{
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    uint64_t more = (now_ns - allowance->refilled_ns) * LMM_HTTP_RATE / LMM_NS_PER_SECOND;

    if (allowance->refilled_ns == 0 || more > BURST - allowance->count) {
        allowance->count = BURST;
        allowance->refilled_ns = now_ns;
    } else if (more > 0) {
        allowance->count += more;
        allowance->refilled_ns = now_ns;
    }
    if (allowance->count == 0) {
        return false;
    }
    allowance->count--;
    return true;
}

static enum MHD_Result take_parameter(void *context, enum MHD_ValueKind kind, const char *key,
                                      const char *value)
{
    struct visit *visit = context;

    (void) kind;
    visit->is_bad |= !lmm_ask_parameter(&visit->request.ask, key, value);
    return MHD_YES;
}

static struct lmm_answer *refuse_method(const struct visit *visit)
{
    unsigned methods = visit->request.ask.methods;
    struct lmm_answer *answer =
        lmm_answer_error(MHD_HTTP_METHOD_NOT_ALLOWED, "this path does not know the method");

    if (answer != NULL) {
        answer->allow = methods == LMM_METHOD_POST  ? "POST"
                        : methods == LMM_METHOD_GET ? "GET, HEAD"
                                                    : "GET, HEAD, POST";
    }
    return answer;
}

static struct lmm_answer *refuse_unknown(const struct visit *visit)
{
    static const char text[] =
        "<!doctype html><meta charset=utf-8><title>lmm serve</title>"
        "<p>Open the address that <code>lmm serve</code> has printed: it has the token.\n";
    struct lmm_answer *answer;
    struct lmm_sink sink;

    if (strcmp(visit->request.path, "/") != 0) {
        return lmm_answer_error(MHD_HTTP_UNAUTHORIZED,
                                "no token: open the address that lmm serve has printed, or send "
                                "Authorization: Bearer TOKEN");
    }
    answer = lmm_answer_new(MHD_HTTP_UNAUTHORIZED, "text/html; charset=utf-8");
    if (answer == NULL) {
        return NULL;
    }
    lmm_answer_sink(answer, &sink);
    lmm_sink_puts(&sink, text);
    return lmm_answer_done(answer, lmm_sink_flush(&sink));
}

/* The token as a parameter: of the page a cookie is given for it. */
static struct lmm_answer *take_token(struct visit *visit, bool *ret_known)
{
    const struct lmm_ask *ask = &visit->request.ask;
    struct lmm_answer *answer = NULL;

    if (ask->token != NULL) {
        *ret_known = lmm_guard_has_token(visit->http->guard, ask->token);
        if (*ret_known && ask->route == LMM_ROUTE_PAGE) {
            answer = lmm_answer_new(MHD_HTTP_SEE_OTHER, "text/plain; charset=utf-8");
            if (answer != NULL) {
                answer->sets_cookie = true;
            }
        }
    }
    return answer;
}

static bool is_long(struct MHD_Connection *connection)
{
    const char *length = header_of(connection, "Content-Length");
    uint64_t bytes;

    return length != NULL && !lmm_decimal_parse(length, strlen(length), LMM_HTTP_BODY_MAX, &bytes);
}

static bool is_json(struct MHD_Connection *connection)
{
    static const char json[] = "application/json";
    const char *type = header_of(connection, "Content-Type");

    return type != NULL && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
           strchr("; \t", type[sizeof(json) - 1]) != NULL;
}

/* Returns why a request is not let in; NULL: it is. The order tells nobody without the token which paths there are. */
static struct lmm_answer *refusal_of(struct visit *visit, const char *method)
{
    struct lmm_guard_headers given = headers_of(visit->connection);
    struct lmm_ask *ask = &visit->request.ask;
    bool is_known = lmm_guard_is_known(visit->http->guard, &given);
    struct lmm_answer *redirect;

    if (!has_room(is_known ? &visit->http->known : &visit->http->unknown)) {
        return lmm_answer_error(MHD_HTTP_TOO_MANY_REQUESTS, "too many requests: wait a second");
    }
    if (!lmm_guard_is_own(visit->http->guard, &given)) {
        return lmm_answer_error(MHD_HTTP_FORBIDDEN, "the request comes from another site's page");
    }
    lmm_microhttpd()->get_connection_values(visit->connection, MHD_GET_ARGUMENT_KIND,
                                            take_parameter, visit);
    redirect = take_token(visit, &is_known);
    if (redirect != NULL) {
        return redirect;
    }
    if (!is_known && ask->route != LMM_ROUTE_HEALTH) {
        return refuse_unknown(visit);
    }
    if (ask->route == LMM_ROUTE_NONE) {
        return lmm_answer_error(MHD_HTTP_NOT_FOUND, "there is no such path");
    }
    if (((visit->request.is_post ? LMM_METHOD_POST : LMM_METHOD_GET) & ask->methods) == 0 ||
        (!visit->request.is_post && !visit->is_head && strcmp(method, "GET") != 0)) {
        return refuse_method(visit);
    }
    if (visit->is_bad) {
        return lmm_answer_error(MHD_HTTP_BAD_REQUEST,
                                "a parameter is unknown, given twice, or out of range");
    }
    if (is_long(visit->connection)) {
        return lmm_answer_error(TOO_LARGE, "the body has more than %d bytes", LMM_HTTP_BODY_MAX);
    }
    if (visit->request.is_post && !is_json(visit->connection)) {
        return lmm_answer_error(MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                "the body must be application/json");
    }
    return NULL;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static struct visit *begin(struct lmm_http *http, struct MHD_Connection *connection,
                           const char *path, const char *method)
{
    struct visit *visit = calloc(1, sizeof(*visit));
    const char *accept = header_of(connection, "Accept");

    if (visit == NULL) {
        return NULL;
    }
    visit->http = http;
    visit->connection = connection;
    visit->is_head = strcmp(method, "HEAD") == 0;
    visit->request = (struct lmm_http_request) {
        .ask = lmm_ask_of(path, http->handler.is_asset(http->handler.context, path)),
        .path = path,
        .is_post = strcmp(method, "POST") == 0,
        .wants_openmetrics =
            accept != NULL && strstr(accept, "application/openmetrics-text") != NULL,
        .body = visit->body,
    };
    return visit;
}

/* EventSource sends the last event that it has, when it connects again. */
static void take_last_event(struct visit *visit)
{
    struct lmm_ask *ask = &visit->request.ask;
    const char *last = header_of(visit->connection, "Last-Event-ID");

    if (last != NULL &&
        (ask->route == LMM_ROUTE_EVENTS || ask->route == LMM_ROUTE_PROCESS_EVENTS)) {
        ask->has_since = lmm_decimal_parse(last, strlen(last), UINT64_MAX, &ask->since);
    }
}

static void take_body(struct visit *visit, const char *data, size_t bytes)
{
    struct lmm_http_request *request = &visit->request;
    size_t room = LMM_HTTP_BODY_MAX - request->body_bytes;

    if (visit->refusal != NULL) {
        return;
    }
    if (bytes > room) {
        visit->refusal =
            lmm_answer_error(TOO_LARGE, "the body has more than %d bytes", LMM_HTTP_BODY_MAX);
        return;
    }
    memcpy(visit->body + request->body_bytes, data, bytes);
    request->body_bytes += bytes;
    if (memchr(data, '\0', bytes) != NULL) {
        visit->refusal = lmm_answer_error(MHD_HTTP_BAD_REQUEST, "the body is not JSON");
    }
}

static void wait_for_answer(struct visit *visit)
{
    visit->waits = true;
    visit->next = visit->http->waiting;
    visit->http->waiting = visit;
    lmm_microhttpd()->suspend_connection(visit->connection);
}

static enum MHD_Result finish(struct visit *visit)
{
    struct lmm_http *http = visit->http;
    struct lmm_answer *answer;
    bool waits = false;

    if (visit->refusal != NULL) {
        answer = visit->refusal;
        visit->refusal = NULL;
        return send_answer(visit, answer);
    }
    take_last_event(visit);
    answer = http->handler.answer(http->handler.context, &visit->request, &waits);
    if (answer == NULL && waits) {
        wait_for_answer(visit);
        return MHD_YES;
    }
    if (answer != NULL && answer->stream != NULL && http->streams >= LMM_HTTP_STREAMS) {
        lmm_stream_close(answer->stream);
        lmm_answer_drop(answer);
        answer = lmm_answer_error(MHD_HTTP_SERVICE_UNAVAILABLE, "too many event streams");
    }
    return send_answer(visit, answer);
}

static enum MHD_Result access_path(void *context, struct MHD_Connection *connection,
                                   const char *path, const char *method, const char *version,
                                   const char *data, size_t *data_bytes, void **state)
{
    struct visit *visit = *state;

    (void) version;
    if (visit == NULL) {
        visit = begin(context, connection, path, method);
        *state = visit;
        if (visit != NULL) {
            visit->refusal = refusal_of(visit, method);
            /* A body that is too long is not read. */
            if (visit->refusal != NULL && is_long(connection)) {
                return finish(visit);
            }
        }
        return visit == NULL ? MHD_NO : MHD_YES;
    }
    if (*data_bytes > 0) {
        take_body(visit, data, *data_bytes);
        *data_bytes = 0;
        return MHD_YES;
    }
    return finish(visit);
}

static void end_visit(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
    struct lmm_http *http = context;
    struct visit *visit = *state;

    (void) connection;
    (void) code;
    if (visit == NULL) {
        return;
    }
    if (visit->request.pending != NULL) {
        http->handler.forget(http->handler.context, visit->request.pending);
    }
    lmm_answer_drop(visit->refusal);
    free(visit);
    *state = NULL;
}

/* ---- The daemon ------------------------------------------------------------------------------ */

/* Nothing is unescaped: a path or parameter with an escape is none that exists. */
static size_t unescape_nothing(void *context, struct MHD_Connection *connection, char *text)
{
    (void) context;
    (void) connection;
    return strlen(text);
}

static void log_nothing(void *context, const char *format, va_list args)
{
    (void) context;
    (void) format;
    (void) args;
}

struct lmm_http *lmm_http_open(int socket, const struct lmm_guard *guard,
                               const struct lmm_http_handler *handler)
{
    struct lmm_http *http = calloc(1, sizeof(*http));

    if (http == NULL) {
        return NULL;
    }
    http->guard = guard;
    http->handler = *handler;
    http->daemon = lmm_microhttpd()->start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, access_path,
        http, MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, socket,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned) LMM_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned) IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t) LMM_HTTP_HEADERS_MAX * 2, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        end_visit, http, MHD_OPTION_END);
    if (http->daemon == NULL) {
        free(http);
        return NULL;
    }
    return http;
}

int lmm_http_descriptor(const struct lmm_http *http)
{
    return lmm_microhttpd()->get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int lmm_http_timeout_ms(struct lmm_http *http)
{
    MHD_UNSIGNED_LONG_LONG timeout;

    if (lmm_microhttpd()->get_timeout(http->daemon, &timeout) != MHD_YES) {
        return -1;
    }
    return timeout > INT_MAX ? INT_MAX : (int) timeout;
}

void lmm_http_run(struct lmm_http *http)
{
    lmm_microhttpd()->run(http->daemon);
}

void lmm_http_wake(struct lmm_http *http)
{
    struct visit *visit = http->waiting;

    http->waiting = NULL;
    while (visit != NULL) {
        struct visit *next = visit->next;

        visit->waits = false;
        lmm_microhttpd()->resume_connection(visit->connection);
        visit = next;
    }
}

void lmm_http_close(struct lmm_http *http)
{
    if (http != NULL) {
        lmm_http_wake(http);
        lmm_microhttpd()->stop_daemon(http->daemon);
        free(http);
    }
}
