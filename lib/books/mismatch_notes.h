/* SPDX-License-Identifier: MIT */
/*
 * mismatch_notes: writes the ledger's records of blocks that were freed in another way than they were
 * allocated.
 *
 * Owns the ledger's MISMATCHES. Locks: LEDGER, inside. Not responsible for: what a mismatch is
 * (preload/matching).
 */
#ifndef LMM_MISMATCH_NOTES_H
#define LMM_MISMATCH_NOTES_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/* Adds a record, whose text is the copy of `text`, with a count of 1. Returns it, to be counted up
 * atomically, or NULL without memory. */
struct lmm_ledger_mismatch *lmm_mismatch_note(const char *text,
                                              const struct lmm_ledger_mismatch *mismatch);

#endif
