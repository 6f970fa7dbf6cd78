/* SPDX-License-Identifier: MIT */
/*
 * memory: which system pages of a page are absent, that is, not touched since they were mapped or
 * given back to the kernel. Absent memory reads as zero; committed memory is what is not absent.
 *
 * When a page ends while its units stay mapped, the state of their system pages stays in the units'
 * facts (page.h), so that the next page there counts them as committed.
 *
 * Where the kernel's pages are longer (vm.h), touching a system page touches all of its kernel page, and
 * only whole kernel pages are given back. So the bits of a kernel page are alike.
 *
 * Invariants:
 *   I1  bit i of a page's absent bits is set exactly when system page i is absent; no LIVE or
 *       listed slot lies on an absent system page (checked by lmm_slots_are_valid() and
 *       lmm_runs_are_valid_locked())
 *   I2  of a span, the system pages from `clean_from` on are absent, and no others
 * Locks: the caller holds what guards the page's contents: HEAP of the owner of a slot page, RUNS
 * of the family of others. Anyone may read the bits at any time and gets a recent state: they are
 * relaxed atomics. Not responsible for: counting committed bytes in the books.
 */
#ifndef LMM_MEMORY_H
#define LMM_MEMORY_H

#include "lib/ground/base.h"
#include "lib/ground/vm.h"
#include "lib/pages/page.h"

/* Sets the absent bits of a new page: all set for fresh memory, otherwise inherited from the last
 * pages there. False with a page of several units, when there is no memory for its bits. */
bool lmm_memory_begin(struct lmm_page *page, bool is_fresh);

/* Leaves the state of each unit to the next page there. For pages that are not slot pages. */
void lmm_memory_end(const struct lmm_page *page);

/* The number of the system page of `units` units from which on all are absent, by the state that
 * the last pages there left; 0: all of them. */
uint32_t lmm_memory_clean_from(const char *base, size_t units);

/* Whether all system pages under n slots are absent, so that they read as zero; or none is. */
bool lmm_memory_slots_are(const struct lmm_page *page, size_t slot, size_t n, bool absent);

/* Whether no system page under the slot is absent. */
static inline bool lmm_memory_holds_slot(const struct lmm_page *page, size_t slot)
{
    return lmm_memory_slots_are(page, slot, 1, false);
}

/* The bytes of the page's system pages that are not absent. */
size_t lmm_memory_committed_bytes(const struct lmm_page *page);

/* The same of the units that the reservoir keeps. Takes its lock. O(units kept). */
size_t lmm_memory_kept_bytes(void);

/* The kernel pages, in system pages, around the system pages [first, end). */
static inline size_t lmm_memory_kernel_start(size_t first)
{
    return first & ~(lmm_vm_page_bytes() / LMM_SYSTEM_PAGE_BYTES - 1);
}

static inline size_t lmm_memory_kernel_end(size_t end)
{
    return lmm_round_up(end, lmm_vm_page_bytes() / LMM_SYSTEM_PAGE_BYTES);
}

/* Marks the kernel pages that hold the bytes [first, last] of the page as touched. Returns the
 * bytes of those that were absent. */
size_t lmm_memory_commit(struct lmm_page *page, size_t first, size_t last);

/* Gives the kernel pages in the system pages [first, end) of the page back, with one call per stretch
 * that is not absent; no LIVE or listed slot may lie there. Returns the bytes given back. */
size_t lmm_memory_discard(struct lmm_page *page, size_t first, size_t end);

#endif
