/* SPDX-License-Identifier: MIT */
/* route_fuzz: what `lmm serve` reads of a request, with any bytes in it: a path, parameters, headers and a body. Lines of the input are these, in
 * turn. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/serve/serve_body.h"
#include "reporter/program/serve/serve_guard.h"
#include "reporter/program/serve/serve_route.h"

enum { LINES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(char *const *lines)
{
    struct lmm_ask request = lmm_ask_of(lines[0], false);

    assert(request.route != LMM_ROUTE_NONE || strcmp(lines[0], "/") != 0);
    /* A path of a process has a number in it. */
    assert(request.route < LMM_ROUTE_PROCESS || request.route > LMM_ROUTE_PROCESS_EVENTS ||
           request.process.pid != 0);
    (void) lmm_ask_parameter(&request, lines[1], lines[2]);
    (void) lmm_ask_parameter(&request, "top", lines[1]);
    assert(request.top >= 1 || !lmm_ask_parameter(&request, "top", "0"));
}

static void guard(char *const *lines)
{
    static struct lmm_guard secrets = {.token.text = "a-token-of-the-fuzzer",
                                       .session.text = "a-session-of-the-fuzzer",
                                       .cookie = "lmm_session_1",
                                       .name = "machine"};
    const struct lmm_guard_headers headers = {.host = lines[3],
                                              .origin = *lines[4] == '\0' ? NULL : lines[4],
                                              .fetch_site = *lines[5] == '\0' ? NULL : lines[5],
                                              .authorization = lines[6],
                                              .cookie = lines[6]};

    if (lmm_guard_is_own(&secrets, &headers)) {
        assert(lmm_guard_host_is_good(lines[3], secrets.name));
        assert(headers.origin == NULL || strncmp(headers.origin, "http://", 7) == 0);
    }
    if (lmm_guard_is_known(&secrets, &headers)) {
        assert(strstr(lines[6], secrets.token.text) != NULL ||
               strstr(lines[6], secrets.session.text) != NULL);
    }
}

static void read_body(const char *text)
{
    char mark[16] = "";
    uint64_t number = 0;
    bool flag = false;
    const struct lmm_body_member members[] = {
        {.key = "text", .text = mark, .text_room = sizeof(mark)},
        {.key = "number", .number = &number, .most = 1000},
        {.key = "flag", .flag = &flag},
    };

    (void) lmm_body_read(text, members, sizeof(members) / sizeof(members[0]));
    assert(memchr(mark, '\0', sizeof(mark)) != NULL && number <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *lines[LINES];
    size_t count = 0;

    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *line = text; count < LINES; count++) {
        char *end = strchr(line, '\n');

        lines[count] = line;
        if (end == NULL || count == LINES - 1) { /* the last one has what is left */
            line += strlen(line);
        } else {
            *end = '\0';
            line = end + 1;
        }
    }
    ask(lines);
    guard(lines);
    read_body(lines[LINES - 1]);
    free(text);
    return 0;
}
