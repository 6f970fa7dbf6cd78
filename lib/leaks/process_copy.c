/* SPDX-License-Identifier: MIT */
#include "lib/leaks/process_copy.h"

#include "lib/ground/system.h"

#include <errno.h>
#include <stdlib.h>

enum { DESCRIPTORS_MAX = 1 << 16 };

/* A copy that keeps a pipe or a socket open would keep its reader waiting. */
static void close_descriptors(void)
{
    if (!lmm_system_close_all()) {
        for (int i = 0; i < DESCRIPTORS_MAX; i++) {
            lmm_system_close(i);
        }
    }
}

int lmm_copy_start(void (*work)(void *arg), void *arg)
{
    int parent = lmm_system_getpid();
    int copy = lmm_system_copy();

    if (copy != 0) {
        return copy;
    }
    lmm_system_die_with_parent();
    if (lmm_system_getppid() == parent) {
        close_descriptors();
        work(arg);
    }
    lmm_system_exit(EXIT_SUCCESS);
}

int lmm_copy_wait(int copy)
{
    int status;

    return lmm_system_wait_for_copy(copy, &status);
}
