/* SPDX-License-Identifier: MIT */
/* cmd_serve: `lmm serve`: its command line. */
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/command_line.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/serve/serve_options.h"
#include "reporter/program/serve/server.h"

enum {
    PORT = 9464,
    PORT_MAX = 65535,
};

static const struct argp_option options[] = {
    {"port", 'p', "PORT", 0, "Listen on this port (9464); 0: a free one", 0},
    {"bind", 'b', "ADDRESS", 0, "Listen on this address of the machine (127.0.0.1)", 0},
    {"unix", 'u', "PATH", 0, "Listen on a Unix socket instead", 0},
    {"open", 'o', NULL, 0, "Open the address in a browser", 0},
    {"token-file", 't', "FILE", 0, "Take the token from FILE, or write a new one to it", 0},
    {"history", 'H', "DIR", 0, "Keep figures over time in DIR, for later servers", 0},
    {"limit", 'l', "BYTES", 0,
     "The bytes that a process may use, where its cgroup has no limit: 512M", 0},
    {0},
};

/* Returns the bytes in text: a number and perhaps K, M, G or T; a usage error ends the program. */
static uint64_t parse_bytes(const char *text, const struct argp_state *state)
{
    static const char units[] = "KMGT";
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end == '\0' ? NULL : strchr(units, *end);
    unsigned shift = unit == NULL ? 0 : 10 * (unsigned) (unit - units + 1);

    if (*text < '0' || *text > '9' || number == 0 ||
        (*end != '\0' && (unit == NULL || end[1] != '\0')) ||
        number > (unsigned long long) INT64_MAX >> shift) {
        argp_error(state, "--limit needs a number of bytes (for example 512M), not '%s'", text);
    }
    return (uint64_t) number << shift;
}

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct lmm_server_options *to = state->input;

    switch (option) {
    case 'p':
        to->port = (unsigned) lmm_parse_number("--port", argument, 0, PORT_MAX, state);
        return 0;
    case 'b': to->address = argument; return 0;
    case 'u': to->unix_path = argument; return 0;
    case 'o': to->opens = true; return 0;
    case 't': to->token_file = argument; return 0;
    case 'H': to->history = argument; return 0;
    case 'l': to->limit_bytes = parse_bytes(argument, state); return 0;
    case ARGP_KEY_ARG: argp_error(state, "unexpected argument '%s'", argument); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp lmm_serve_argp = {
    .options = options,
    .parser = parse,
    .doc = "Show the memory of all your processes in a browser, live; and as JSON, Prometheus "
           "metrics and pprof profiles.",
};

int lmm_cmd_serve(int argc, char **argv)
{
    struct lmm_server_options to = {.port = PORT, .address = "127.0.0.1"};

    lmm_command_line_read(&lmm_serve_argp, argc, argv, 0, &to);
    return lmm_server_run(&to);
}
