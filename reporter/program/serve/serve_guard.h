/* SPDX-License-Identifier: MIT */
/*
 * serve_guard: who may ask: the headers Host, Origin and Sec-Fetch-Site keep pages of other sites out, also those that have
 * this machine's address under a name of their own (DNS rebinding); the token or the cookie is the right
 * to ask. Headers are hostile text; tests/fuzz/route_fuzz.c.
 */
#ifndef LMM_PROGRAM_SERVE_GUARD_H
#define LMM_PROGRAM_SERVE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/serve/serve_token.h"

struct lmm_guard {
    struct lmm_token token;   /* in the printed address */
    struct lmm_token session; /* in the cookie */
    char cookie[32];          /* its name */
    char name[256];           /* of this machine; empty: unknown */
    bool any_host;            /* a Unix socket, which no browser reaches */
};

/* The headers of a request; NULL: it has not got it. */
struct lmm_guard_headers {
    const char *host;
    const char *origin;
    const char *fetch_site;
    const char *fetch_mode;
    const char *authorization;
    const char *cookie;
};

/* Makes the secrets. token_file may be NULL: a random token. False after a message on stderr. */
bool lmm_guard_init(struct lmm_guard *guard, const char *token_file);

/* Gives the cookie its name, which has the port. */
void lmm_guard_set_port(struct lmm_guard *guard, unsigned port);

/* Whether the request comes from no other site's page. */
bool lmm_guard_is_own(const struct lmm_guard *guard, const struct lmm_guard_headers *headers);

/* Whether the request has the token in its header Authorization, or the cookie. */
bool lmm_guard_is_known(const struct lmm_guard *guard, const struct lmm_guard_headers *headers);

/* Whether text is the token. NULL is not. */
bool lmm_guard_has_token(const struct lmm_guard *guard, const char *text);

/* Whether a Host is an IP address, localhost or `name`, perhaps with a port. */
bool lmm_guard_host_is_good(const char *host, const char *name);

#endif
