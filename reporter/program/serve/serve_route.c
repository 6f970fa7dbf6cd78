/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_route.h"

#include <string.h>

/* Bits of sets of parameters. */
enum {
    TOKEN = 1,
    TOP = 2,
    SINCE = 4,
    SINCE_MS = 8,
    MARK = 16,
    PID = 32,
    SITES = 64,
    FAMILY = 128,
    TYPE = 256,
    LINE = 512,
    ROW = FAMILY | TYPE | LINE,
};

struct pattern {
    enum lmm_route route;
    const char *before; /* the process's part of the path */
    const char *after;  /* it; NULL: the path has no such part */
    unsigned methods;
    unsigned parameters;
};

#define PROCESSES "/api/v1/processes"
#define PROCESS   PROCESSES "/"

static const struct pattern patterns[] = {
    {LMM_ROUTE_PAGE, "/", NULL, LMM_METHOD_GET, TOKEN},
    {LMM_ROUTE_HEALTH, "/healthz", NULL, LMM_METHOD_GET, 0},
    {LMM_ROUTE_PROCESSES, PROCESSES, NULL, LMM_METHOD_GET, 0},
    {LMM_ROUTE_PROCESS, PROCESS, "", LMM_METHOD_GET, 0},
    {LMM_ROUTE_TYPES, PROCESS, "/types", LMM_METHOD_GET, TOP},
    {LMM_ROUTE_FAMILIES, PROCESS, "/families", LMM_METHOD_GET, 0},
    {LMM_ROUTE_SITES, PROCESS, "/sites", LMM_METHOD_GET, TOP},
    {LMM_ROUTE_HISTORY, PROCESS, "/history", LMM_METHOD_GET, SINCE_MS},
    {LMM_ROUTE_LEAKS, PROCESS, "/leaks", LMM_METHOD_GET | LMM_METHOD_POST, TOP},
    {LMM_ROUTE_DIFF, PROCESS, "/diff", LMM_METHOD_GET, MARK},
    {LMM_ROUTE_CELLS, PROCESS, "/pages", LMM_METHOD_GET, ROW},
    {LMM_ROUTE_MARKS, PROCESS, "/marks", LMM_METHOD_POST, 0},
    {LMM_ROUTE_HOLDERS, PROCESS, "/holders", LMM_METHOD_POST, 0},
    {LMM_ROUTE_PROCESS_EVENTS, PROCESS, "/events", LMM_METHOD_GET, SINCE},
    {LMM_ROUTE_EVENTS, "/api/v1/events", NULL, LMM_METHOD_GET, SINCE},
    {LMM_ROUTE_METRICS, "/metrics", NULL, LMM_METHOD_GET, SITES},
    {LMM_ROUTE_PROFILE, "/debug/pprof/heap", NULL, LMM_METHOD_GET, PID | TOKEN},
};

enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

bool lmm_decimal_parse(const char *text, size_t bytes, uint64_t most, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (bytes == 0 || (bytes > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        unsigned digit = (unsigned) (unsigned char) text[i] - '0';

        if (digit > 9 || number > (most - digit) / 10 || digit > most) {
            return false;
        }
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

bool lmm_process_id_parse(const char *text, size_t bytes, struct lmm_process_id *ret_id)
{
    const char *dot = memchr(text, '.', bytes);
    size_t pid_bytes = dot == NULL ? bytes : (size_t) (dot - text);
    uint64_t pid;
    uint64_t start = 0;

    if (!lmm_decimal_parse(text, pid_bytes, INT32_MAX, &pid) || pid == 0 ||
        (dot != NULL &&
         (!lmm_decimal_parse(dot + 1, bytes - pid_bytes - 1, UINT64_MAX, &start) || start == 0))) {
        return false;
    }
    *ret_id = (struct lmm_process_id) {.pid = (uint32_t) pid, .start_ns = start};
    return true;
}

/* Whether the path is one of the pattern; sets *ret_id. */
static bool fits(const struct pattern *pattern, const char *path, struct lmm_process_id *ret_id)
{
    size_t before = strlen(pattern->before);
    size_t bytes = strlen(path);
    size_t after;

    if (pattern->after == NULL) {
        return strcmp(path, pattern->before) == 0;
    }
    after = strlen(pattern->after);
    return bytes > before + after && strncmp(path, pattern->before, before) == 0 &&
           strcmp(path + bytes - after, pattern->after) == 0 &&
           lmm_process_id_parse(path + before, bytes - before - after, ret_id);
}

struct lmm_ask lmm_ask_of(const char *path, bool is_asset)
{
    struct lmm_ask ask = {.route = is_asset ? LMM_ROUTE_PAGE : LMM_ROUTE_NONE,
                          .methods = LMM_METHOD_GET,
                          .top = LMM_SERVE_TOP};

    for (size_t i = 0; i < PATTERNS; i++) {
        if (fits(&patterns[i], path, &ask.process)) {
            ask.route = patterns[i].route;
            ask.methods = patterns[i].methods;
            break;
        }
    }
    return ask;
}

/* ---- Parameters ------------------------------------------------------------------------------ */

static unsigned parameters_of(enum lmm_route route)
{
    for (size_t i = 0; i < PATTERNS; i++) {
        if (patterns[i].route == route) {
            return patterns[i].parameters;
        }
    }
    return 0;
}

static bool take_since(struct lmm_ask *ask, const char *value, size_t bytes)
{
    bool is_first = !ask->has_since;

    ask->has_since = true;
    return is_first && lmm_decimal_parse(value, bytes, UINT64_MAX, &ask->since);
}

static bool take_mark(struct lmm_ask *ask, const char *value, size_t bytes)
{
    bool is_first = !ask->has_mark;

    ask->has_mark = true;
    return is_first && lmm_decimal_parse(value, bytes, UINT32_MAX, &ask->mark);
}

static bool take_sites(struct lmm_ask *ask, const char *value)
{
    ask->sites = strcmp(value, "1") == 0;
    return ask->sites || strcmp(value, "0") == 0;
}

static bool take_row(struct lmm_ask *ask, enum lmm_ask_table table, const char *value)
{
    bool is_first = !ask->has_row;

    ask->has_row = true;
    ask->table = table;
    return is_first && lmm_decimal_parse(value, strlen(value), INT32_MAX, &ask->row);
}

static bool take_token(struct lmm_ask *ask, const char *value)
{
    bool is_first = ask->token == NULL;

    ask->token = value;
    return is_first;
}

bool lmm_ask_parameter(struct lmm_ask *ask, const char *key, const char *value)
{
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = {{"token", TOKEN}, {"top", TOP},  {"since", SINCE}, {"since_ms", SINCE_MS},
                 {"mark", MARK},   {"pid", PID},  {"sites", SITES}, {"family", FAMILY},
                 {"type", TYPE},   {"line", LINE}};
    unsigned known = parameters_of(ask->route);
    size_t bytes = value == NULL ? 0 : strlen(value);
    size_t i = 0;

    while (i < sizeof(names) / sizeof(names[0]) &&
           (strcmp(names[i].name, key) != 0 || (known & names[i].bit) == 0)) {
        i++;
    }
    if (i == sizeof(names) / sizeof(names[0]) || bytes == 0) {
        return false;
    }
    switch (names[i].bit) {
    case TOKEN: return take_token(ask, value);
    case TOP:
        return lmm_decimal_parse(value, bytes, LMM_PARAMETER_TOP_MAX, &ask->top) && ask->top > 0;
    case MARK: return take_mark(ask, value, bytes);
    case PID: return lmm_process_id_parse(value, bytes, &ask->process);
    case SITES: return take_sites(ask, value);
    case FAMILY: return take_row(ask, LMM_ASK_FAMILY, value);
    case TYPE: return take_row(ask, LMM_ASK_TYPE, value);
    case LINE: return take_row(ask, LMM_ASK_LINE, value);
    default: return take_since(ask, value, bytes);
    }
}
