/* SPDX-License-Identifier: MIT */
/*
 * marks: a mark is a moment; later checks can show only what was allocated since.
 *
 * Owns nothing. Waits for a check that runs (turn). Not responsible for: which blocks lived (since), what the
 * ledger says of marks (books/checks).
 */
#ifndef LMM_MARKS_H
#define LMM_MARKS_H

#include "lib/ground/base.h"

/* Makes a mark: enters it in the books, with its text, and keeps which blocks live now. text: not
 * NULL. Returns as lmm_marks_keep(); *ret_number: its number, untouched after a failure. */
int lmm_marks_add(const char *text, uint32_t *ret_number);

/* Keeps which blocks live now as the mark of that number, at least 1 (since.h). Returns 0, -ENOMEM, or
 * -EDEADLK as lmm_turn_take(). The caller holds no lock of LMM. */
int lmm_marks_keep(uint32_t number);

#endif
