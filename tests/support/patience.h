/* SPDX-License-Identifier: MIT */
/* How long a test waits before it gives up: alarm() with a bound that an environment may stretch. */
#ifndef LMM_TEST_PATIENCE_H
#define LMM_TEST_PATIENCE_H

#include <stdlib.h>
#include <unistd.h>

/* Ends the process by SIGALRM after so many seconds, multiplied by PATIENCE_FACTOR of the environment, which an
 * emulated machine sets; 0: never. */
static inline void patience_alarm(unsigned seconds)
{
    const char *factor = getenv("PATIENCE_FACTOR");

    alarm(factor == NULL ? seconds : seconds * (unsigned) atoi(factor));
}

#endif
