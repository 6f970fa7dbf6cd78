/* SPDX-License-Identifier: MIT */
/*
 * top_screen: the terminal of `lmm top`, by way of ncurses: shows sheets, and hands over keys.
 *
 * Invariants:
 *   I1  between open and close the signals that end the program, and those of job control and of
 *       the terminal's size, are blocked but for the time in lmm_top_screen_wait(): none of them
 *       finds the screen half drawn, and the terminal is restored before any of them ends the
 *       program
 *
 * Locks: none; one screen at a time.
 */
#ifndef LMM_PROGRAM_TOP_SCREEN_H
#define LMM_PROGRAM_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_top_sheet;

/* Takes the terminal. Returns false after one line on stderr. setlocale() comes before. */
bool lmm_top_screen_open(void);

/* Gives the terminal back as it was. */
void lmm_top_screen_close(void);

/* Sets the size, each at least 1. */
void lmm_top_screen_size(size_t *ret_rows, size_t *ret_columns);

void lmm_top_screen_show(const struct lmm_top_sheet *sheet);

/* Why lmm_top_screen_wait() came back. */
struct lmm_top_event {
    int key;    /* as top_state.h has them; LMM_TOP_KEY_NONE: time is up, or the size has changed */
    bool over;  /* the terminal is gone, or a signal asks to end */
    int signal; /* that one, or 0 */
};

/* Waits for a key, but not longer than timeout_ns. */
struct lmm_top_event lmm_top_screen_wait(uint64_t timeout_ns);

#endif
