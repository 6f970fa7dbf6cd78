/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "reporter/program/base/clock.h"
#include "reporter/program/base/program.h"
#include "reporter/program/serve/observer.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_answers.h"
#include "reporter/program/serve/serve_channel.h"
#include "reporter/program/serve/serve_guard.h"
#include "reporter/program/serve/serve_http.h"
#include "reporter/program/serve/serve_open.h"
#include "reporter/program/serve/serve_options.h"
#include "reporter/program/serve/serve_socket.h"
#include "reporter/program/serve/server_functions.h"

enum {
    READ_MS = 1000,
    BEAT_READS = 15, /* readings between two comments to event streams */
};

struct server {
    struct lmm_guard guard;
    struct lmm_serve_socket socket;
    struct lmm_answers answers;
    struct lmm_http *http;
    int signals; /* these two: descriptors */
    int wake;
    uint64_t next_ns; /* CLOCK_MONOTONIC, of the next reading */
    unsigned reads;
};

/* ---- The loop -------------------------------------------------------------------------------- */

static void read_all(struct server *server, uint64_t now_ns)
{
    lmm_observer_read(server->answers.observer);
    if (++server->reads % BEAT_READS == 0) {
        lmm_observer_beat(server->answers.observer);
    }
    /* One reading a second, however long it takes: readings that were missed are not made up for. */
    server->next_ns += READ_MS * LMM_NS_PER_MS;
    if (server->next_ns <= now_ns) {
        server->next_ns = now_ns + READ_MS * LMM_NS_PER_MS;
    }
}

static int milliseconds_until(uint64_t then_ns)
{
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);

    return then_ns <= now_ns ? 0 : (int) ((then_ns - now_ns + LMM_NS_PER_MS - 1) / LMM_NS_PER_MS);
}

static void take_results(struct server *server)
{
    eventfd_t count;

    eventfd_read(server->wake, &count);
    if (lmm_answers_take(&server->answers)) {
        lmm_http_wake(server->http);
    }
}

/* Waits for something to do and does it. Returns false when a signal asks to end. */
static bool step(struct server *server)
{
    struct pollfd waits[] = {
        {.fd = lmm_http_descriptor(server->http), .events = POLLIN},
        {.fd = server->wake, .events = POLLIN},
        {.fd = server->signals, .events = POLLIN},
    };
    int timeout = milliseconds_until(server->next_ns);
    int of_http = lmm_http_timeout_ms(server->http);

    if (poll(waits, sizeof(waits) / sizeof(waits[0]),
             of_http >= 0 && of_http < timeout ? of_http : timeout) < 0 &&
        errno != EINTR) {
        return false;
    }
    if (waits[2].revents != 0) {
        return false;
    }
    if (waits[1].revents != 0) {
        take_results(server);
    }
    if (lmm_clock_ns(CLOCK_MONOTONIC) >= server->next_ns) {
        read_all(server, lmm_clock_ns(CLOCK_MONOTONIC));
    }
    lmm_http_run(server->http);
    return true;
}

/* ---- Start and end --------------------------------------------------------------------------- */

static int make_signals(void)
{
    sigset_t ending;

    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    return signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool listen_to(struct server *server, const struct lmm_server_options *options)
{
    server->guard.any_host = options->unix_path != NULL;
    if (options->unix_path != NULL) {
        return lmm_serve_socket_unix(options->unix_path, &server->socket);
    }
    if (!lmm_serve_socket_tcp(options->address, options->port, &server->socket)) {
        return false;
    }
    lmm_guard_set_port(&server->guard, server->socket.port);
    return true;
}

/* Says where it listens, and opens that. */
static void announce(const struct server *server, const struct lmm_server_options *options)
{
    char url[LMM_SOCKET_HOST_BYTES + LMM_TOKEN_MAX + 64];

    if (options->unix_path != NULL) {
        printf("listening on %s\ntoken: %s\n", options->unix_path, server->guard.token.text);
    } else {
        snprintf(url, sizeof(url), "http://%s:%u/?token=%s", server->socket.host,
                 server->socket.port, server->guard.token.text);
        printf("%s\n", url);
    }
    fflush(stdout);
    if (server->socket.is_public) {
        lmm_complain("other machines can reach this address; the connection is not encrypted, so "
                     "anyone on the way can read the token");
    }
    if (options->opens && options->unix_path == NULL) {
        lmm_serve_open(url);
    }
}

static bool open_server(struct server *server, const struct lmm_server_options *options)
{
    struct lmm_http_handler handler = {lmm_answers_answer, lmm_answers_is_asset, lmm_answers_forget,
                                       &server->answers};

    if (!lmm_guard_init(&server->guard, options->token_file) || !listen_to(server, options)) {
        return false;
    }
    server->signals = make_signals();
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->signals < 0 || server->wake < 0) {
        lmm_complain("cannot start: %s", strerror(errno));
        return false;
    }
    if (!lmm_answers_init(&server->answers, server->wake, options)) {
        return false;
    }
    server->http = lmm_http_open(server->socket.descriptor, &server->guard, &handler);
    if (server->http == NULL) {
        lmm_complain("cannot start the HTTP server: %s", strerror(errno));
    }
    return server->http != NULL;
}

static void close_server(struct server *server, const struct lmm_server_options *options)
{
    lmm_answers_end(&server->answers);
    lmm_http_close(server->http);
    lmm_answers_free(&server->answers);
    if (options->unix_path != NULL && server->socket.descriptor >= 0) {
        unlink(options->unix_path);
    }
    if (server->signals >= 0) {
        close(server->signals);
    }
    if (server->wake >= 0) {
        close(server->wake);
    }
    explicit_bzero(&server->guard, sizeof(server->guard));
}

int lmm_server_run(const struct lmm_server_options *options)
{
    struct server server = {.signals = -1, .wake = -1, .socket = {.descriptor = -1}};
    bool is_open;

    unsetenv("DEBUGINFOD_URLS"); /* before there is a second thread */
    is_open = lmm_server_functions_load() && open_server(&server, options);
    if (is_open) {
        server.next_ns = lmm_clock_ns(CLOCK_MONOTONIC);
        read_all(&server, server.next_ns);
        announce(&server, options);
        while (step(&server)) {
        }
    }
    if (is_open) {
        lmm_observer_store(server.answers.observer);
    }
    if (is_open && lmm_answers_are_busy(&server.answers)) {
        if (options->unix_path != NULL) {
            unlink(options->unix_path);
        }
        _exit(
            LMM_EXIT_DONE); /* names may take seconds, and a process that was asked may stand still */
    }
    close_server(&server, options);
    return is_open ? LMM_EXIT_DONE : LMM_EXIT_FAILED;
}
