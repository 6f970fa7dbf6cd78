/* SPDX-License-Identifier: MIT */
/*
 * serve_route: which question a request asks: its path and parameters, checked (docs/http-api.md). A path is
 * compared as it was sent: nothing is unescaped, so there is one spelling of each, and no way to another
 * directory. Stateless; tests/fuzz/route_fuzz.c.
 */
#ifndef LMM_PROGRAM_SERVE_ROUTE_H
#define LMM_PROGRAM_SERVE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lmm_route {
    LMM_ROUTE_NONE, /* there is no such path */
    LMM_ROUTE_PAGE,
    LMM_ROUTE_HEALTH,
    LMM_ROUTE_PROCESSES,
    LMM_ROUTE_PROCESS,
    LMM_ROUTE_TYPES,
    LMM_ROUTE_FAMILIES,
    LMM_ROUTE_SITES,
    LMM_ROUTE_HISTORY,
    LMM_ROUTE_LEAKS,
    LMM_ROUTE_DIFF,
    LMM_ROUTE_CELLS,
    LMM_ROUTE_MARKS,
    LMM_ROUTE_HOLDERS,
    LMM_ROUTE_PROCESS_EVENTS,
    LMM_ROUTE_EVENTS,
    LMM_ROUTE_METRICS,
    LMM_ROUTE_PROFILE,
};

/* Bits of sets of methods. */
enum {
    LMM_METHOD_GET = 1, /* and HEAD */
    LMM_METHOD_POST = 2,
};

enum {
    LMM_PARAMETER_TOP_MAX = 10000,
    LMM_SERVE_TOP = 100, /* rows without ?top= */
};

/* Tables that rows can be asked for of. */
enum lmm_ask_table {
    LMM_ASK_FAMILY,
    LMM_ASK_TYPE,
    LMM_ASK_LINE,
};

/* A process: a PID, and perhaps the time of its start. */
struct lmm_process_id {
    uint32_t pid;      /* 0: none was given */
    uint64_t start_ns; /* 0: none was given */
};

/* A path, and what its parameters say. */
struct lmm_ask {
    enum lmm_route route;
    unsigned methods; /* that the path knows */
    struct lmm_process_id process;
    uint64_t top;
    uint64_t since; /* milliseconds, or a sequence number */
    uint64_t mark;
    uint64_t row;             /* these two: of a table of the page document, if has_row */
    enum lmm_ask_table table; /* whose */
    bool has_row;
    bool has_since;
    bool has_mark;
    bool sites;
    const char *token; /* in the caller's memory; NULL: none */
};

/* Returns what a path asks, without parameters: route is LMM_ROUTE_NONE when there is no such path. A path that no
 * pattern has is LMM_ROUTE_PAGE if is_asset says so. */
struct lmm_ask lmm_ask_of(const char *path, bool is_asset);

/* Takes a parameter; value may be NULL. Returns false when the route does not know it, it came before, or its value is out of
 * range. */
bool lmm_ask_parameter(struct lmm_ask *ask, const char *key, const char *value);

/* Sets *ret_id to PID or PID.START; returns false if text is anything else. */
bool lmm_process_id_parse(const char *text, size_t bytes, struct lmm_process_id *ret_id);

/* Sets *ret_number to a decimal number without sign or leading zeros; returns false if text is anything else, or more than
 * `most`. */
bool lmm_decimal_parse(const char *text, size_t bytes, uint64_t most, uint64_t *ret_number);

#endif
