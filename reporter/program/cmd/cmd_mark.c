/* SPDX-License-Identifier: MIT */
/* cmd_mark: `lmm mark PID|NAME [TEXT]`: makes a mark in a running process, so that `lmm leaks --since`
 * can show what was allocated after it. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/attach/requests.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/snapshot.h"

struct arguments {
    const char *word;
    const char *text;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case ARGP_KEY_ARG:
        if (state->arg_num == 0) {
            arguments->word = argument;
        } else if (state->arg_num == 1) {
            arguments->text = argument;
        } else {
            argp_error(state, "unexpected argument '%s'; a text of several words needs quotes",
                       argument);
        }
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "no process given"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp lmm_mark_argp = {
    .parser = parse,
    .args_doc = "PID|NAME [TEXT]",
    .doc = "Mark this moment in a running process, and print the mark's number: `lmm leaks --since "
           "NUMBER' then shows only what was allocated after it."
           "\vThe last four marks of a process are kept. TEXT is at most 127 bytes.",
};

/* A question is one line. */
static bool is_good(const char *text)
{
    if (strlen(text) > LMM_MARK_TEXT_BYTES) {
        lmm_complain("the text of a mark has at most %d bytes", LMM_MARK_TEXT_BYTES);
        return false;
    }
    for (; *text != '\0'; text++) {
        if (iscntrl((unsigned char) *text) != 0) {
            lmm_complain("the text of a mark has no control characters");
            return false;
        }
    }
    return true;
}

static int mark(const char *path, const char *text)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);
    struct lmm_reason reason;
    size_t number;
    int status = LMM_EXIT_FAILED;

    if (snapshot != NULL && lmm_request_mark(path, snapshot, text, &number, &reason)) {
        printf("%zu\n", number);
        status = LMM_EXIT_DONE;
    } else if (snapshot != NULL) {
        lmm_complain("%s", reason.text);
    }
    lmm_snapshot_free(snapshot);
    return status;
}

int lmm_cmd_mark(int argc, char **argv)
{
    struct arguments arguments = {.text = ""};

    lmm_command_line_read(&lmm_mark_argp, argc, argv, 0, &arguments);
    if (!is_good(arguments.text)) {
        return LMM_EXIT_USAGE;
    }
    char *path = lmm_discover_path(arguments.word);
    int status = path == NULL ? (int) LMM_EXIT_FAILED : mark(path, arguments.text);

    free(path);
    return status;
}
