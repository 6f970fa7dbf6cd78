/* SPDX-License-Identifier: MIT */
/* A library whose constructor waits, with the loader's lock, until the file that SLOW_LIBRARY_GATE names is there. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

__attribute__((constructor)) static void wait_for_gate(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    const char *gate = getenv("SLOW_LIBRARY_GATE");

    while (gate != NULL && access(gate, F_OK) != 0) {
        nanosleep(&pause, NULL);
    }
}
