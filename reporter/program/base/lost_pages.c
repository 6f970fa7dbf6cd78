/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/lost_pages.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static _Thread_local volatile uint32_t lost;
static uintptr_t page_bytes;

/* Puts zeros in the place of the page; anything else that raises the signal ends the process. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    uintptr_t page = (uintptr_t) info->si_addr & ~(page_bytes - 1);

    (void) context;
    if (info->si_code == BUS_ADRERR &&
        mmap((void *) page, page_bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
        lost++;
        return;
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

    page_bytes = (uintptr_t) sysconf(_SC_PAGESIZE);
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

void lmm_lost_pages_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, install);
}

uint32_t lmm_lost_pages_count(void)
{
    return lost;
}
