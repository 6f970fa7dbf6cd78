/* SPDX-License-Identifier: MIT */
/* How long a test waits before it gives up: a bound that an environment may stretch. */
#ifndef LMM_TEST_PATIENCE_H
#define LMM_TEST_PATIENCE_H

#include <stdlib.h>
#include <unistd.h>

/* The bound in seconds, multiplied by PATIENCE_FACTOR of the environment, which an emulated machine sets. */
static inline unsigned patience_seconds(unsigned bound)
{
    const char *factor = getenv("PATIENCE_FACTOR");

    return factor == NULL ? bound : bound * (unsigned) atoi(factor);
}

/* Ends the process by SIGALRM after that time; 0: never. */
static inline void patience_alarm(unsigned bound)
{
    alarm(patience_seconds(bound));
}

#endif
