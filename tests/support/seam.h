/* SPDX-License-Identifier: MIT */
/*
 * seam: counts the calls to the kernel that LMM makes, and makes some of them fail.
 *
 * It replaces the functions in lmm_vm's table and calls the originals. The calls of each operation
 * are numbered from 1, from seam_install() on.
 */
#ifndef TESTS_SUPPORT_SEAM_H
#define TESTS_SUPPORT_SEAM_H

#include <stddef.h>
#include <stdint.h>

/* SEAM_POPULATE fails as on a kernel that does not know it. SEAM_MAP and SEAM_FILE count what is
 * reserved, too. */
enum seam_operation {
    SEAM_MAP,
    SEAM_UNMAP,
    SEAM_DISCARD,
    SEAM_FILE,
    SEAM_REMAP,
    SEAM_OPEN,
    SEAM_POPULATE,
    SEAM_OPERATIONS
};

#define SEAM_FOR_EVER UINT64_MAX

/* Begins to count, if it does not yet; no call fails. */
void seam_install(void);

/* Makes the calls numbered [first, last] fail. */
void seam_fail(enum seam_operation operation, uint64_t first, uint64_t last);

/* From now on, makes every call of one operation fail, or lets all calls of all operations succeed. */
void seam_fail_all(enum seam_operation operation);
void seam_heal(void);

/* Makes every map fail, and takes all memory that LMM's arenas still have, so that all growth fails. */
void seam_starve(void);

/* Returns the number of calls so far, including failed ones. */
uint64_t seam_calls(enum seam_operation operation);

/* Returns the bytes of the calls that succeeded. */
uint64_t seam_bytes(enum seam_operation operation);

#endif
