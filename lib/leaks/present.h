/* SPDX-License-Identifier: MIT */
/*
 * present: which system pages of the process have memory of their own.
 *
 * A page that was never touched has none, and reading it would cost some; a page of a private mapping
 * of a file that was never written to is still the file's. Asks the kernel by PAGEMAP_SCAN (Linux 6.7),
 * else by /proc/thread-self/pagemap, else (a process that must not be dumped) by mincore. Owns an open file. Async-signal-safe, takes no lock.
 */
#ifndef LMM_PRESENT_H
#define LMM_PRESENT_H

#include "lib/ground/base.h"

enum lmm_present_kind {
    LMM_PRESENT_IN_MEMORY, /* reading it does no harm */
    LMM_PRESENT_ELSEWHERE, /* swapped out, or guarded, or not known: ask the kernel to read it */
};

struct lmm_present {
    int file; /* or -errno: nothing is known */
    bool has_scan;
    bool may_be_swapped; /* only known where there is no file */
};

typedef void lmm_present_visit(uintptr_t from, uintptr_t to, enum lmm_present_kind kind, void *arg);

void lmm_present_open(struct lmm_present *present);
void lmm_present_close(struct lmm_present *present);

/* Calls visit for the pages of a private mapping that have memory of their own, in ascending order,
 * neighbours of one kind together. Whole pages are visited, also those that from and to lie in. */
void lmm_present_for_each(const struct lmm_present *present, uintptr_t from, uintptr_t to,
                          lmm_present_visit *visit, void *arg);

/* The same for a shared mapping: the pages that are in memory, also those that only another process
 * used. They are ELSEWHERE, because the file may become shorter. */
void lmm_present_for_each_shared(uintptr_t from, uintptr_t to, lmm_present_visit *visit, void *arg);

#endif
