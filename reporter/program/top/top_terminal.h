/* SPDX-License-Identifier: MIT */
/* top_terminal: whether a type of terminal can show a screen. It is not part of top_screen because
 * <term.h> defines macros with names like `columns`. Stateless. */
#ifndef LMM_PROGRAM_TOP_TERMINAL_H
#define LMM_PROGRAM_TOP_TERMINAL_H

#include <stdbool.h>

/* Returns whether the terminal database has name (may be NULL), and the terminal can move its
 * cursor. */
bool lmm_top_terminal_has_screen(const char *name);

#endif
