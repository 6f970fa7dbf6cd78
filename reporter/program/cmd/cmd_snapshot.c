/* SPDX-License-Identifier: MIT */
/* cmd_snapshot: `lmm snapshot [PID|NAME|FILE] -o FILE`: copies a ledger to a file. */

#include "reporter/program/base/command_line.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/snapshot.h"

struct arguments {
    const char *output;
    const char *word;
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0,
     "Write to FILE, which is replaced when the copy is complete; required", 0},
    {0},
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->word; return 0;
    case 'o': arguments->output = argument; return 0;
    case ARGP_KEY_END:
        if (arguments->output == NULL) {
            argp_error(state, "no output file given; use -o FILE");
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&lmm_word_argp, 0, NULL, 0}, {0}};
const struct argp lmm_snapshot_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[PID|NAME|FILE]",
    .doc = "Copy a ledger as it is now to a file, for `lmm report', `lmm diff' and the others."
           "\vWithout an argument: the only live process that has a ledger.",
    .children = children,
};

int lmm_cmd_snapshot(int argc, char **argv)
{
    struct arguments arguments = {NULL, NULL};

    lmm_command_line_read(&lmm_snapshot_argp, argc, argv, 0, &arguments);
    struct lmm_snapshot *snapshot = lmm_snapshot_select(arguments.word);
    int status =
        snapshot == NULL ? LMM_EXIT_FAILED : lmm_snapshot_write(snapshot, arguments.output);

    lmm_snapshot_free(snapshot);
    return status;
}
