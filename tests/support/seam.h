/* SPDX-License-Identifier: MIT */
/*
 * seam: counts the calls to the kernel that LMM makes, and makes some of them fail.
 *
 * It stands between lmm_vm's table and what was in it. Calls are numbered from 1, each operation by
 * itself, from seam_install() on.
 */
#ifndef TESTS_LIB_SEAM_H
#define TESTS_LIB_SEAM_H

#include <stddef.h>
#include <stdint.h>

enum seam_operation { SEAM_MAP, SEAM_UNMAP, SEAM_DISCARD, SEAM_FILE, SEAM_REMAP, SEAM_OPERATIONS };

#define SEAM_FOR_EVER UINT64_MAX

/* Begins to count, unless it has; nothing fails. */
void seam_install(void);

/* Makes the calls numbered [first, last] fail. */
void seam_fail(enum seam_operation operation, uint64_t first, uint64_t last);

/* Makes every call from now on fail; or none any more, of any operation. */
void seam_fail_all(enum seam_operation operation);
void seam_heal(void);

/* Calls so far, failed ones too. */
uint64_t seam_calls(enum seam_operation operation);

/* Bytes of the calls that did not fail. */
uint64_t seam_bytes(enum seam_operation operation);

#endif
