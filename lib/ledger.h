/* SPDX-License-Identifier: MIT */
/*
 * ledger: writes the process's books in the layout of <lmm/ledger.h>.
 *
 * Owns the chunks, in anonymous memory. The allocator never reads them to decide anything.
 *
 * Invariants:
 *   I1  the rows of owner 0 (threads that ended; counts for which a thread found no memory) reach every
 *       site id handed out, so that a free can always be counted
 *   I2  rows of owner n > 0 are written by the thread that owns heap n alone; rows of owner 0 under the
 *       LEDGER lock, here alone
 * Locks: LEDGER, inside, unless a name ends in _locked. Not responsible for: who is a site, or when
 * gauges are refreshed.
 */
#ifndef LMM_LIB_LEDGER_H
#define LMM_LIB_LEDGER_H

#include "base.h"

#include <lmm/ledger.h>

/* The rows of one owner as its thread holds them. */
struct lmm_rows {
    struct lmm_ledger_row *row;    /* NULL: none yet */
    uint32_t capacity;
};

/* Fills the header; call once. False with errno ENOMEM. */
bool lmm_ledger_start(void);

/* In a forked child: the header tells of the new process. */
void lmm_ledger_restart(void);

/* The header, for gauges; NULL before the start. */
struct lmm_ledger_header *lmm_ledger_header(void);

/* Adds a family; its index is the count of families added before. Returns the record, whose gauges the
 * family writes, or NULL with errno ENOMEM. */
struct lmm_ledger_family *lmm_ledger_add_family(const char *name, size_t size, size_t align,
                                                size_t stride);

/* Takes back the family added last, for which there was no memory elsewhere. */
void lmm_ledger_drop_family(void);

/* Tells that a family has more (or, negative, fewer) pages of that many bytes in all. */
void lmm_ledger_count_pages(struct lmm_ledger_family *record, int64_t pages, int64_t bytes);

/* Adds a site, and room for it in the rows of owner 0. True and *ret_id (the count of sites added
 * before); or false with errno ENOMEM. */
bool lmm_ledger_add_site(uint32_t family, uint32_t line, const char *file, const char *function,
                         uint32_t *ret_id);

/* What a site is. id: handed out by lmm_ledger_add_site(). The strings are never freed. */
struct lmm_site_facts {
    uint32_t family;
    uint32_t line;
    const char *file;
    const char *function;
};
struct lmm_site_facts lmm_ledger_site_facts(uint32_t id);

/* Number of sites and of families so far. */
uint32_t lmm_ledger_site_count(void);
uint32_t lmm_ledger_family_count(void);

/*
 * Gives owner rows for at least `sites` sites: copies *rows to a larger chunk where it is too short.
 * The caller is the rows' writer. False with errno ENOMEM, and *rows is as it was.
 */
bool lmm_ledger_grow_rows(uint32_t owner, uint32_t sites, struct lmm_rows *rows);

/* Adds delta to the row of owner 0 for site. Never fails. */
void lmm_ledger_count_departed(uint32_t site, const struct lmm_ledger_row *delta);

/* Moves all counts of *rows, which nobody else writes, to the rows of owner 0. */
void lmm_ledger_fold_rows(const struct lmm_rows *rows);

/* The sum of all owners' counters for one site; freed is read before allocated. */
struct lmm_ledger_row lmm_ledger_sum_locked(uint32_t site);

/* Hold the chunks still; between the two, a view or sums can be read. */
void lmm_ledger_acquire(void);
void lmm_ledger_release(void);

/* The ledger as a reader sees it; valid until lmm_ledger_release(). */
struct lmm_ledger_view lmm_ledger_view_locked(void);

void lmm_ledger_before_fork(void);
void lmm_ledger_after_fork(void);

#endif
