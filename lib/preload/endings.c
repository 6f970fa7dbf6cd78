/* SPDX-License-Identifier: MIT */
/*
 * endings: how the process ends, told to its ledger before it does: a child's status is otherwise known
 * to its parent alone. A signal that kills the process tells nothing, and so is known by that. Ends that
 * run no destructors also make the check for leaks here.
 *
 * Locks: none. No other file needs a function of this one.
 */
#include "lib/books/accounts.h"
#include "lib/front/leaks.h"
#include "lib/leaks/registers.h"
#include "lib/preload/arrival.h"

#include <dlfcn.h>
#include <lmm/lmm.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    void (*_exit)(int status);
    void (*quick_exit)(int status);
} next;

static void find_next(void)
{
    if (next.quick_exit == NULL) {
        *(void **) &next._exit = dlsym(RTLD_NEXT, "_exit");
        *(void **) &next.quick_exit = dlsym(RTLD_NEXT, "quick_exit");
    }
}

static void note_exit(int status, void *context)
{
    (void) context;
    lmm_accounts_note_exit(LMM_LEDGER_EXIT_NORMAL, status);
}

/* One of the first handlers, so one of the last to run. A process that LMM came into later calls libc's _exit,
 * so nothing is told of its end. */
__attribute__((constructor(102))) static void tell_exits(void)
{
    find_next();
    if (!lmm_arrival_is_late() && on_exit(note_exit, NULL) == 0) {
        lmm_accounts_tell_exits();
    }
}

LMM_API void _exit(int status)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    find_next();
    lmm_leaks_check_at_exit(&entry);
    lmm_accounts_note_exit(LMM_LEDGER_EXIT_QUICK, status);
    next._exit(status);
    __builtin_unreachable();
}

LMM_API void _Exit(int status)
{
    _exit(status);
}

LMM_API void quick_exit(int status)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    find_next();
    lmm_leaks_check_at_exit(&entry);
    lmm_accounts_note_exit(LMM_LEDGER_EXIT_QUICK, status);
    next.quick_exit(status);
    __builtin_unreachable();
}
