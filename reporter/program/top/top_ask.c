/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_ask.h"

#include <time.h>

#include "reporter/program/attach/requests.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/top/top_state.h"

bool lmm_top_ask_mark(struct lmm_top *top)
{
    const struct lmm_top_source *source = &top->source;
    bool is_live = source->state == LMM_PROCESS_LIVE && !source->gone;
    struct lmm_reason reason = {""};
    size_t number;

    if (is_live && lmm_request_mark(source->path, source->snapshot, "lmm top", &number, &reason)) {
        return true;
    }
    lmm_top_mark_here(top, lmm_clock_ns(CLOCK_REALTIME));
    if (is_live) {
        lmm_reason_set(&top->message, "a mark of lmm top alone: %s", reason.text);
    }
    return false;
}

bool lmm_top_ask_check(struct lmm_top *top)
{
    const struct lmm_top_source *source = &top->source;
    struct lmm_check_request request = {.mark = top->history.marked ? top->mark.number : 0};

    if (!lmm_request_check(source->path, source->snapshot, &request, &top->message)) {
        return false;
    }
    lmm_top_show_losses(top);
    return true;
}
