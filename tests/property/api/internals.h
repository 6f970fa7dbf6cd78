/* SPDX-License-Identifier: MIT */
/*
 * internals: LMM's own validity walkers, where a test can reach them: in the static library
 * (internals.c), and not through liblmm.so (no_internals.c).
 */
#ifndef TESTS_PROPERTY_API_INTERNALS_H
#define TESTS_PROPERTY_API_INTERNALS_H

/*
 * Checks every page, list, queue, tag and hole. Call it while no other thread is inside LMM.
 * Returns NULL when all is well, else what is not.
 */
const char *internals_complaint(void);

#endif
