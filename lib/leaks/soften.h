/* SPDX-License-Identifier: MIT */
/* soften: makes what is lost possibly lost, where a check could not see everything. Owns nothing;
 * async-signal-safe, takes no lock. */
#ifndef LMM_SOFTEN_H
#define LMM_SOFTEN_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/* Turns the records of definitely and indirectly lost blocks into ones of possibly lost blocks, one for
 * each site. The order stays: by kind, then by bytes, the largest first. *count: before and after. */
void lmm_soften(struct lmm_ledger_leak *leaks, size_t *count);

#endif
