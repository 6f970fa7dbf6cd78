/* SPDX-License-Identifier: MIT */
/*
 * top_screen: the terminal of `lmm top`, with ncurses: shows sheets and reads keys.
 *
 * Invariants (checked by tests/reporter/top/top.py):
 *   I1  between open and close the signals that end the program, and those of job control and of
 *       the terminal's size, are blocked except inside lmm_top_screen_wait(): none of them
 *       interrupts drawing, and the terminal is restored before one of them ends the program
 *
 * Locks: none; one screen at a time.
 */
#ifndef LMM_PROGRAM_TOP_SCREEN_H
#define LMM_PROGRAM_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_top_sheet;

/* Takes the terminal over. Returns false after one line on stderr. The caller has called
 * setlocale(). */
bool lmm_top_screen_open(void);

/* Restores the terminal. */
void lmm_top_screen_close(void);

/* Sets the size, each at least 1. */
void lmm_top_screen_size(size_t *ret_rows, size_t *ret_columns);

void lmm_top_screen_show(const struct lmm_top_sheet *sheet);

/* Why lmm_top_screen_wait() returned. */
struct lmm_top_event {
    int key;    /* see top_state.h; LMM_TOP_KEY_NONE: timeout, or the size has changed */
    bool over;  /* the terminal is closed, or a signal asks to end */
    int signal; /* that signal, or 0 */
};

/* Waits for a key, at most timeout_ns. */
struct lmm_top_event lmm_top_screen_wait(uint64_t timeout_ns);

#endif
