/* SPDX-License-Identifier: MIT */
#include "lib/ground/signals.h"

#include "lib/ground/system.h"

#include <signal.h>

static uint64_t bit_of(int signal_number)
{
    return UINT64_C(1) << (signal_number - 1);
}

uint64_t lmm_signals_block(void)
{
    static const int raised[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    uint64_t mask = UINT64_MAX;
    uint64_t before = 0;

    for (size_t i = 0; i < sizeof(raised) / sizeof(raised[0]); i++) {
        mask &= ~bit_of(raised[i]);
    }
    for (int own = 32; own < SIGRTMIN; own++) {
        mask &= ~bit_of(own); /* they end threads and change their user */
    }
    lmm_system_sigmask(SIG_BLOCK, mask, &before);
    return before;
}

void lmm_signals_restore(uint64_t mask)
{
    lmm_system_sigmask(SIG_SETMASK, mask, NULL);
}
