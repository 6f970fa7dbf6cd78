/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "reporter/program/base/program.h"

bool lmm_guard_init(struct lmm_guard *guard, const char *token_file)
{
    *guard = (struct lmm_guard) {.any_host = false};
    if (gethostname(guard->name, sizeof(guard->name)) != 0 ||
        memchr(guard->name, '\0', sizeof(guard->name)) == NULL) {
        guard->name[0] = '\0';
    }
    if (token_file != NULL && !lmm_token_of_file(token_file, &guard->token)) {
        return false;
    }
    if ((token_file == NULL && !lmm_token_make(&guard->token)) ||
        !lmm_token_make(&guard->session)) {
        lmm_complain("the kernel has no random bytes for a token");
        return false;
    }
    lmm_guard_set_port(guard, 0);
    return true;
}

void lmm_guard_set_port(struct lmm_guard *guard, unsigned port)
{
    snprintf(guard->cookie, sizeof(guard->cookie), "lmm_session_%u", port);
}

/* ---- Host and Origin ------------------------------------------------------------------------- */

/* Whether text is a port with its colon, or empty. */
static bool is_port(const char *text)
{
    size_t digits = *text == ':' ? strspn(text + 1, "0123456789") : 0;

    return *text == '\0' || (digits >= 1 && digits <= 5 && text[1 + digits] == '\0');
}

static bool is_address(int family, const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(family, text, address) == 1;
}

bool lmm_guard_host_is_good(const char *host, const char *name)
{
    char copy[256];
    const char *end = host[0] == '[' ? strchr(host, ']') : host + strcspn(host, ":");
    size_t bytes;

    if (end == NULL || !is_port(end + (*end == ']'))) {
        return false;
    }
    host += host[0] == '[';
    bytes = (size_t) (end - host);
    if (bytes == 0 || bytes >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, host, bytes);
    copy[bytes] = '\0';
    if (*end == ']') {
        return is_address(AF_INET6, copy);
    }
    return is_address(AF_INET, copy) || strcasecmp(copy, "localhost") == 0 ||
           (name[0] != '\0' && strcasecmp(copy, name) == 0);
}

/* Whether an Origin is that of pages which this server sent. */
static bool is_own_origin(const char *origin, const char *host)
{
    static const char scheme[] = "http://";

    return strncmp(origin, scheme, sizeof(scheme) - 1) == 0 &&
           strcasecmp(origin + sizeof(scheme) - 1, host) == 0;
}

/* A link on another site's page may lead here, but not to anything that the other page can use. */
static bool is_own_fetch(const char *site, const char *mode)
{
    return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0 ||
           (mode != NULL && strcmp(mode, "navigate") == 0);
}

bool lmm_guard_is_own(const struct lmm_guard *guard, const struct lmm_guard_headers *headers)
{
    if (!guard->any_host &&
        (headers->host == NULL || !lmm_guard_host_is_good(headers->host, guard->name))) {
        return false;
    }
    if (headers->origin != NULL &&
        (headers->host == NULL || !is_own_origin(headers->origin, headers->host))) {
        return false;
    }
    return headers->fetch_site == NULL || is_own_fetch(headers->fetch_site, headers->fetch_mode);
}

/* ---- Token and cookie ------------------------------------------------------------------------ */

bool lmm_guard_has_token(const struct lmm_guard *guard, const char *text)
{
    return text != NULL && lmm_token_equals(&guard->token, text, strlen(text));
}

/* Whether a header Cookie has the session's. */
static bool has_session(const struct lmm_guard *guard, const char *cookies)
{
    size_t name = strlen(guard->cookie);
    bool has = false;

    while (*cookies != '\0') {
        size_t bytes = strcspn(cookies, ";");

        if (bytes > name && strncmp(cookies, guard->cookie, name) == 0 && cookies[name] == '=') {
            has |= lmm_token_equals(&guard->session, cookies + name + 1, bytes - name - 1);
        }
        cookies += bytes;
        cookies += strspn(cookies, "; ");
    }
    return has;
}

bool lmm_guard_is_known(const struct lmm_guard *guard, const struct lmm_guard_headers *headers)
{
    static const char scheme[] = "Bearer ";
    const char *given = headers->authorization;
    bool has_token = given != NULL && strncasecmp(given, scheme, sizeof(scheme) - 1) == 0 &&
                     lmm_guard_has_token(guard, given + sizeof(scheme) - 1);

    return has_token || (headers->cookie != NULL && has_session(guard, headers->cookie));
}
