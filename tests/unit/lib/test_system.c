/* SPDX-License-Identifier: MIT */
/* system: what signals do, set and read without libc. */
#include "lib/ground/system.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

static int handled;

static void handle(int number, siginfo_t *info, void *context)
{
    handled = number + (info != NULL && context != NULL ? 1000 : 0);
}

static void handle_by_libc(int number)
{
    handled = number;
}

Test(system, a_handler_runs_and_returns)
{
    static const int numbers[] = {SIGUSR1, 33, 64}; /* 33 is one of libc's own */

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct lmm_system_action action = {(uintptr_t) handle, SA_SIGINFO | SA_RESTART, 1};
        struct lmm_system_action before;
        struct lmm_system_action found;

        cr_assert(lmm_system_sigaction(numbers[i], &action, &before) == 0);
        cr_expect(lmm_system_sigaction(numbers[i], NULL, &found) == 0);
        cr_expect(found.handler == action.handler && found.flags == action.flags &&
                  found.mask == action.mask);
        handled = 0;
        cr_assert(syscall(SYS_tgkill, getpid(), gettid(), numbers[i]) == 0);
        cr_expect(handled == numbers[i] + 1000, "row %zu: %d", i, handled);
        cr_expect(lmm_system_sigaction(numbers[i], &before, NULL) == 0);
    }
}

Test(system, libcs_handler_is_given_back)
{
    struct lmm_system_action found;

    signal(SIGUSR2, handle_by_libc);
    cr_assert(lmm_system_sigaction(SIGUSR2, NULL, &found) == 0);
    cr_expect(found.handler == (uintptr_t) handle_by_libc);
    const struct lmm_system_action ignore = {.handler = (uintptr_t) SIG_IGN};
    lmm_system_sigaction(SIGUSR2, &ignore, NULL);
    lmm_system_sigaction(SIGUSR2, &found, NULL);
    raise(SIGUSR2);
    cr_expect(handled == SIGUSR2);
}

Test(system, a_signal_that_cannot_be_handled)
{
    const struct lmm_system_action action = {.handler = (uintptr_t) handle};

    cr_expect(lmm_system_sigaction(SIGKILL, &action, NULL) == -EINVAL);
    cr_expect(lmm_system_sigaction(65, NULL, NULL) == -EINVAL);
}
