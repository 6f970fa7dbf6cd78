/* SPDX-License-Identifier: MIT */
/*
 * huge: which spans ask the kernel for large pages, of 2 MiB.
 *
 * The first touch of a large page makes all of it resident. That is four times as fast as the faults
 * of its 512 system pages, but a block that is touched sparsely would grow. So a span asks only
 * where the last spans of its family were written wholly, and only a few spans that are not yet
 * known to be written ask at a time:
 *
 * - When a long span begins on memory that was not touched before, it is **watched**: whenever
 *   another long span begins, and when it ends itself, its system pages tell whether it was written
 *   (mincore).
 * - A **sample** asks for nothing. If it is found written wholly, the family gets credit for some
 *   spans that ask.
 * - A **guess** is a span that asks, while there is credit. Its last system pages, the
 *   **witnesses**, are never large; when all of them are written, the guess was right.
 * - A sample or guess that is not written when it ends, or when some more long spans have begun,
 *   ends the credit. The guess also takes its advice back.
 *
 * So all blocks of a family that are touched sparsely have together at most GUESSED_BYTES more in
 * memory than the system pages that were touched, unless their witnesses are touched. A span also
 * takes its advice back when its mapping or its length is about to change, and when it ends: where
 * advice stands, the kernel (khugepaged) makes large pages of memory of which a single system page
 * is in use.
 *
 * Invariants, checked by lmm_huge_is_valid_locked():
 *   I1  each page that is watched is a span, once; it has advice exactly when it is a guess
 *   I2  the advised bytes of the guesses are at most GUESSED_BYTES
 * Locks: the family's RUNS; the caller holds it. Not responsible for: large pages in other memory;
 * whether the system allows any: the kernel ignores the advice where it does not, and in a process
 * with PR_SET_THP_DISABLE.
 */
#ifndef LMM_HUGE_H
#define LMM_HUGE_H

#include "lib/ground/base.h"
#include "lib/pages/page.h"

enum {
    LMM_HUGE_SPAN_UNITS = 16, /* 4 MiB: spans are long from this length on */
    LMM_HUGE_WATCHED = 8,
};

/* Of a family. All zero at first. */
struct lmm_watched {
    struct lmm_page *page; /* NULL: none */
    uint32_t first;        /* its system pages [first, witness) are advised; a sample has none */
    uint32_t witness;
    uint32_t age; /* long spans that have begun since */
};

struct lmm_huge {
    uint32_t credit;             /* spans that may still ask */
    struct lmm_watched *watched; /* LMM_HUGE_WATCHED; NULL before the first long span */
};

/* Begins a span whose length is set. untouched: the system page of it from which on none was touched
 * before. */
void lmm_huge_begin_locked(struct lmm_huge *huge, struct lmm_page *page, size_t untouched);

/* Ends a span. is_written: all of its system pages are in memory. */
void lmm_huge_end_locked(struct lmm_huge *huge, struct lmm_page *page, bool is_written);

/* Takes the advice of a span back, whose mapping or length is about to change; it is not watched any
 * more. */
void lmm_huge_forget_locked(struct lmm_huge *huge, struct lmm_page *page);

/* Checks the invariants. */
bool lmm_huge_is_valid_locked(const struct lmm_huge *huge);

#endif
