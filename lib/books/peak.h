/* SPDX-License-Identifier: MIT */
/*
 * peak: the live bytes of all families, and their peak, with the sites that hold it.
 *
 * Owns the sum of live bytes. Threads add what they allocated less what they freed, each some of it
 * at a time, so the sum is behind by what they have not added yet. When it exceeds the last peak by
 * 1/100, the ledger records which sites hold it, as long as all recordings together take at most
 * lmm_peak_budget_ns and 1/50 of the time since the first.
 *
 * A recording reads the counters of all sites, and a program whose live bytes grow makes a new peak again and again.
 * Where threads tell that they free bytes before they count it, a recording is late: it waits until the sum has fallen
 * by 1/200 from the largest. Until then the live bytes are the peak, to which readers raise the one recorded.
 *
 * Invariants: I1 the sum and what threads have not added are the live bytes (preload.agree compares
 * the peak with the program's own count).
 * Locks: none, except those of accounts.h. Atomics are relaxed; no other memory is published with
 * them. Not responsible for: the peaks of families (family).
 */
#ifndef LMM_PEAK_H
#define LMM_PEAK_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

/* A thread that can tell its bytes after each call adds them when they exceed this. */
uint64_t lmm_peak_step(void);

/* For tests: the processor time that recordings may take before they are held to a part of the time. */
extern uint64_t lmm_peak_budget_ns;

/* From now on recordings are late. Call while there is one thread. */
void lmm_peak_record_late(void);

/* Adds to the sum, and records a peak. Takes LEDGER. Preserves errno. Returns how much more would
 * not make a new peak. */
LMM_NOINLINE int64_t lmm_peak_add(int64_t bytes);

/* In a forked child: sets the sum, which the other threads had not added to. */
void lmm_peak_set(int64_t bytes);

#endif
