/* SPDX-License-Identifier: MIT */
/* internals: LMM's own validity walkers. A test that is linked with the static library reaches them
 * (internals.c), a test that is linked with liblmm.so does not (no_internals.c). */
#ifndef TESTS_PROPERTY_API_INTERNALS_H
#define TESTS_PROPERTY_API_INTERNALS_H

/* Checks every page, list, queue, tag and hole. Call it while no other thread is inside LMM.
 * Returns NULL when everything is valid, else what is not. */
const char *internals_complaint(void);

#endif
