/* SPDX-License-Identifier: MIT */
/*
 * checks: the results of leak checks in the ledger, marks, and what sites retained at the end.
 *
 * Owns the ledger's MARKS and KEEPERS, its LEAKS records and the header's checks, each of these of two turns. A result fills in the
 * turn that readers do not use, and then becomes the valid one, so a complete result exists at any
 * time, also when the process is killed.
 *
 * Invariants (tests/unit/lib/test_checks.c): I1 the records of the valid turn are complete. I2 a
 * forked child starts without a check (chunks.h).
 * Locks: LEDGER, inside. Not responsible for: how a check is made (leaks/).
 */
#ifndef LMM_CHECKS_H
#define LMM_CHECKS_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/*
 * Writes the result of a check: check->leaks records. leaks: may be NULL when there are none. True; or
 * false with errno ENOMEM: then the check is in the books as one that failed, without records. Any
 * thread, with no lock of LMM held. LMM has started.
 */
bool lmm_checks_write(const struct lmm_ledger_check *check, const struct lmm_ledger_leak *leaks);

/* The last check that was written; all zero when there was none. */
struct lmm_ledger_check lmm_checks_last(void);

/* The sums of all records of that kind in the last check; 0 when there was none, or it failed. */
struct lmm_checks_sum {
    uint64_t blocks;
    uint64_t bytes;
};
struct lmm_checks_sum lmm_checks_sum(uint32_t kind);

/* Adds a mark of now; text: may be NULL. Returns its number, at least 1; 0 with errno ENOMEM. Any
 * thread, with no lock of LMM held. */
uint32_t lmm_checks_add_mark(const char *text);

/* Adds the sites that retain most bytes at the end of the process, once. False with errno ENOMEM: then some
 * are missing. As above. */
bool lmm_checks_add_keepers(const struct lmm_ledger_keeper *list, size_t count);

#endif
