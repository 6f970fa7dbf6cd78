/* SPDX-License-Identifier: MIT */
/*
 * large_pages: memory of malloc in large pages, for a program that reads large ledgers once and then ends.
 *
 * Reading a ledger of many stacks takes tens of megabytes, of which each system page costs a fault, and the
 * processor much time to find. Owns nothing; it changes the settings of libc's malloc for good.
 */
#ifndef LMM_PROGRAM_LARGE_PAGES_H
#define LMM_PROGRAM_LARGE_PAGES_H

/*
 * Asks the kernel for large pages for what malloc takes from it later, up to a bound, and malloc to keep
 * what is freed. Without large pages, or with another malloc, nothing changes but speed. No other thread runs yet. Not for a
 * process that lives long: memory that it frees would stay its own.
 */
void lmm_large_pages_use(void);

#endif
