/* SPDX-License-Identifier: MIT */
/* top_ask: what `lmm top` asks the watched process for: a mark (m), and a leak check (L). Both wait for the
 * answer (ask.h says how long), and write nothing to stderr, because it is the screen. */
#ifndef LMM_PROGRAM_TOP_ASK_H
#define LMM_PROGRAM_TOP_ASK_H

#include <stdbool.h>

struct lmm_top;

/* Asks for a mark; where the process cannot make one, marks the last reading for this `lmm top` alone, and
 * says why. Returns true when the process made it: then the next reading has it. */
bool lmm_top_ask_mark(struct lmm_top *top);

/* Asks for a leak check, of the blocks since the mark if there is one of the process, and shows the lines.
 * Returns true when the next reading has it; otherwise top->message says why there is none. */
bool lmm_top_ask_check(struct lmm_top *top);

#endif
