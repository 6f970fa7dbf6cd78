/* SPDX-License-Identifier: MIT */
/* For a test that is linked with liblmm.so, which hides the walkers. */
#include "tests/property/api/internals.h"

#include <stddef.h>

const char *internals_complaint(void)
{
    return NULL;
}
