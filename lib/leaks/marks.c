/* SPDX-License-Identifier: MIT */
#include "lib/leaks/marks.h"

#include "lib/books/checks.h"
#include "lib/ground/signals.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/leaks/since.h"
#include "lib/leaks/turn.h"

#include <errno.h>

int lmm_marks_keep(uint32_t number)
{
    if (!lmm_start()) {
        return -ENOMEM;
    }
    lmm_thread_settle();
    int error = lmm_turn_take();
    if (error != 0) {
        return error;
    }
    uint64_t signals = lmm_signals_block();
    error = -EDEADLK;
    if (lmm_fork_take_locks()) {
        error = lmm_since_keep(number) ? 0 : -ENOMEM;
        lmm_fork_release_locks();
    }
    lmm_signals_restore(signals);
    lmm_turn_give();
    return error;
}

int lmm_marks_add(const char *text, uint32_t *ret_number)
{
    uint32_t number = lmm_start() ? lmm_checks_add_mark(text) : 0;
    int error = number == 0 ? -ENOMEM : lmm_marks_keep(number);

    if (error == 0) {
        *ret_number = number;
    }
    return error;
}
