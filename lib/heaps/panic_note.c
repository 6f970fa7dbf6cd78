/* SPDX-License-Identifier: MIT */
#include "lib/heaps/panic_note.h"

#include "lib/books/accounts.h"
#include "lib/ground/options.h"
#include "lib/ground/signals.h"
#include "lib/ground/system.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/thread.h"
#include "lib/stacks/depot.h"

/* Whether the books are this process's: a child made by vfork works in its parent's memory. */
static bool are_books_own(const struct lmm_ledger_header *header)
{
    return lmm_thread_is_settled() && header->pid == (uint32_t) lmm_system_getpid();
}

/* The walk starts at caller and leaves LMM's own calls out, so it begins with the program's. */
static void note_stack(const struct lmm_caller *caller)
{
    static struct lmm_trace trace; /* one thread at a time takes a note */
    uint64_t signals = lmm_signals_block();

    if (lmm_fork_locks_are_usable()) {
        lmm_trace_clear(&trace);
        lmm_unwind(&trace, caller, lmm_options.stack_frames);
        lmm_accounts_note_panic_stack(lmm_depot_stack(&trace));
    }
    lmm_signals_restore(signals);
}

static LMM_NOINLINE void note(const char *message)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    struct lmm_caller caller = LMM_CALLER();

    if (header == NULL || !are_books_own(header)) {
        return;
    }
    lmm_accounts_note_panic(message);
    if (LMM_DROP_IN && header->stack_frames != 0) {
        note_stack(&caller);
    }
}

void lmm_panic_note_start(void)
{
    lmm_panic_set_note(note);
}
