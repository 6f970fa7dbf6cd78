/* SPDX-License-Identifier: MIT */
#include "lib/heaps/start.h"

#include "lib/books/accounts.h"
#include "lib/ground/options.h"
#include "lib/ground/reservoir.h"
#include "lib/ground/sync.h"
#include "lib/ground/tools.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/panic_note.h"
#include "lib/heaps/thread.h"

#include <errno.h>

static struct {
    bool has_settings; /* under HEAPS */
    bool has_started;  /* atomic; written under HEAPS */
} state;

/* The ledger, which other processes see and which may print a line, comes last. */
static bool start_locked(void)
{
    if (!state.has_settings) {
        lmm_options_read();
        lmm_tools_start();
        lmm_reservoir_set_bound(lmm_options.reservoir_bytes);
        state.has_settings = true;
    }
    if (!lmm_thread_prepare_locked(lmm_fork_settle_child) || !lmm_accounts_start()) {
        return false;
    }
    lmm_panic_note_start();
    return true;
}

/* Before the program can register handlers of its own: those run outside LMM's, without its
 * locks. Here and not in fork.c, so that a program linked with the archive always gets it. The drop-in does it in
 * preload/serve.c, unless it came too late. */
__attribute__((constructor(101))) static void watch_forks(void)
{
    if (!LMM_DROP_IN) {
        lmm_fork_watch();
    }
}

bool lmm_has_started(void)
{
    return lmm_load_acquire(&state.has_started);
}

bool lmm_start(void)
{
    if (LMM_LIKELY(lmm_has_started())) {
        return true;
    }
    lmm_lock_acquire(&lmm_heaps_lock);
    bool done = state.has_started || start_locked();
    lmm_store_release(&state.has_started, done);
    lmm_lock_release(&lmm_heaps_lock);
    if (!done) {
        errno = ENOMEM;
    }
    return done;
}
