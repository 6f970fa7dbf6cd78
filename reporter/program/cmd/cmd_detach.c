/* SPDX-License-Identifier: MIT */
/* cmd_detach: `lmm detach PID|NAME`: a process to which LMM was attached calls its own malloc again. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/program/attach/requests.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/snapshot.h"

static error_t parse(int option, char *argument, struct argp_state *state)
{
    const char **word = state->input;

    switch (option) {
    case ARGP_KEY_ARG:
        if (state->arg_num != 0) {
            argp_error(state, "unexpected argument '%s'", argument);
        }
        *word = argument;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "no process given"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp lmm_detach_argp = {
    .parser = parse,
    .args_doc = "PID|NAME",
    .doc = "Stop counting in a process to which `lmm attach' has attached LMM: what it allocates "
           "from now on is again "
           "its own malloc's."
           "\vBlocks that LMM made stay until the process frees them. The library stays loaded.",
};

int lmm_cmd_detach(int argc, char **argv)
{
    const char *word = NULL;
    struct lmm_reason reason;
    int status = LMM_EXIT_FAILED;

    lmm_command_line_read(&lmm_detach_argp, argc, argv, 0, (void *) &word);
    char *path = lmm_discover_path(word);
    struct lmm_snapshot *snapshot = path == NULL ? NULL : lmm_snapshot_read(path);

    if (snapshot != NULL && snapshot->header->attach_time_ns == 0) {
        lmm_complain("process %" PRIu32 " was started with LMM, which cannot be detached",
                     snapshot->header->pid);
    } else if (snapshot != NULL && snapshot->header->detach_time_ns != 0) {
        lmm_complain("LMM is detached from process %" PRIu32 " already", snapshot->header->pid);
    } else if (snapshot != NULL && lmm_request_switch(path, snapshot, false, &reason)) {
        status = LMM_EXIT_DONE;
    } else if (snapshot != NULL) {
        lmm_complain("%s", reason.text);
    }
    lmm_snapshot_free(snapshot);
    free(path);
    return status;
}
