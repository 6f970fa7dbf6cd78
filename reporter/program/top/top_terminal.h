/* SPDX-License-Identifier: MIT */
/*
 * top_terminal: whether a type of terminal has a screen to draw on. It stands apart from top_screen
 * because <term.h> makes macros of words like `columns`. Stateless.
 */
#ifndef LMM_PROGRAM_TOP_TERMINAL_H
#define LMM_PROGRAM_TOP_TERMINAL_H

#include <stdbool.h>

/* Returns whether the terminal database knows name (may be NULL) and it can move its cursor. */
bool lmm_top_terminal_has_screen(const char *name);

#endif
