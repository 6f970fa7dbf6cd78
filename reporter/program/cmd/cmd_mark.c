/* SPDX-License-Identifier: MIT */
/* cmd_mark: `lmm mark PID|NAME [TEXT]`: makes a mark in a running process, so that `lmm leaks --since`
 * can show what was allocated after it. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/attach/ask.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/snapshot.h"

enum { TEXT_MAX = 127 };

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
static bool make_question(const char *text, char question[LMM_QUESTION_BYTES])
{
    size_t length = strlen(text);

    if (length > TEXT_MAX) {
        lmm_complain("the text of a mark has at most %d bytes", TEXT_MAX);
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (iscntrl((unsigned char) text[i]) != 0) {
            lmm_complain("the text of a mark has no control characters");
            return false;
        }
    }
    snprintf(question, LMM_QUESTION_BYTES, "mark %s", text);
    return true;
}

static int mark(const char *path, const char *question)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);
    char answer[LMM_ANSWER_BYTES];
    int status = LMM_EXIT_FAILED;

    if (snapshot != NULL && lmm_ask(path, snapshot, question, answer)) {
        puts(answer);
        status = LMM_EXIT_DONE;
    }
    lmm_snapshot_free(snapshot);
    return status;
}

int lmm_cmd_mark(int argc, char **argv)
{
    struct arguments arguments = {.text = ""};
    char question[LMM_QUESTION_BYTES];

    lmm_command_line_read(&lmm_mark_argp, argc, argv, 0, &arguments);
    if (!make_question(arguments.text, question)) {
        return LMM_EXIT_USAGE;
    }
    char *path = lmm_discover_path(arguments.word);
    int status = path == NULL ? (int) LMM_EXIT_FAILED : mark(path, question);

    free(path);
    return status;
}
