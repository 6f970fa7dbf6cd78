/* SPDX-License-Identifier: MIT */
/*
 * ledger: writes the process's books in the layout of <lmm/ledger.h>.
 *
 * Owns what is in the chunks; their memory, and the file, are chunks.h's. No count is ever read to
 * decide anything; the tables of sites and strings are, so who writes over them (the user alone can)
 * harms the process as by writing to its memory.
 *
 * Invariants:
 *   I1  the rows of owner 0 (counts for which a heap had no rows) reach every site id handed out, so
 *       that a free can always be counted
 *   I2  rows of owner n > 0 are written by the thread that owns heap n alone; rows of owner 0 under the
 *       LEDGER lock, here alone. A heap keeps its rows when its thread ends: the next thread that adopts
 *       it counts on in them
 *   I3  what a reader finds in the file at any moment is whole: each change that takes several stores
 *       becomes visible by the last of them, so the books of a killed process need no repair
 * Locks: LEDGER, inside, unless a name ends in _locked. Not responsible for: who is a site, or when
 * gauges change.
 */
#ifndef LMM_LIB_LEDGER_H
#define LMM_LIB_LEDGER_H

#include "base.h"
#include "sync.h"

#include <lmm/ledger.h>

/* The rows of one owner as its thread holds them. */
struct lmm_rows {
    struct lmm_ledger_row *row;    /* NULL: none yet */
    uint32_t capacity;
};

/* One owner's counts of temporary blocks, by site, the same way. */
struct lmm_temporaries {
    uint64_t *count;               /* NULL: none yet */
    uint32_t capacity;
};

/* Fills the header and creates the file, where the settings and the system allow one; call once, before
 * anybody counts. False with errno ENOMEM. */
bool lmm_ledger_start(void);

/* Whether this process is a forked child whose books wait for a file of their own. */
bool lmm_ledger_is_pending(void);

/* Creates that file, unless another thread did meanwhile. No thread has counted since the fork. */
void lmm_ledger_publish(void);

/* The process exits: the file is kept for readers when blocks live, in the drop-in when `keep` is set; else
 * it is removed. */
void lmm_ledger_end(bool keep);

/* The header, for gauges; NULL before the start. */
struct lmm_ledger_header *lmm_ledger_header(void);

/* Adds a family; its index is the count of families added before. Returns the record, whose gauges the
 * family writes, or NULL with errno ENOMEM. */
struct lmm_ledger_family *lmm_ledger_add_family(const char *name, size_t size, size_t align,
                                                size_t stride);

/* Takes back the family added last, for which there was no memory elsewhere. */
void lmm_ledger_drop_family(void);

/* Tells that a family has one page more (sign 1) or less (-1), of so many bytes and slots. */
void lmm_ledger_count_page(struct lmm_ledger_family *record, int64_t sign, size_t bytes, size_t slots);

/* Brings up to date what the header says of LMM's own memory. */
void lmm_ledger_note_memory(void);

/* Tells that so many bytes of the family's pages were touched, or, negative, given back. */
void lmm_ledger_count_committed(struct lmm_ledger_family *record, int64_t bytes);

/* Adds a site, and room for it in the rows of owner 0. True and *ret_id (the count of sites added
 * before); or false with errno ENOMEM. */
bool lmm_ledger_add_site(uint32_t family, uint32_t line, const char *file, const char *function,
                         uint32_t *ret_id);

/* As lmm_ledger_add_site() for a place known by its call stack, the number of a frame. */
bool lmm_ledger_add_stack_site(uint32_t family, uint32_t frame, uint32_t *ret_id);

/* Adds a frame; caller: the number of a frame, or 0; module: the number of a module + 1, or 0. Returns its
 * number, never 0; or 0 with errno ENOMEM. */
uint32_t lmm_ledger_add_frame(uint64_t address, uint32_t caller, uint32_t module);

/* Adds a module, with `path` in the place of its reference. True and *ret_number; or false with errno
 * ENOMEM. */
bool lmm_ledger_add_module(const struct lmm_ledger_module *module, const char *path,
                           uint32_t *ret_number);

/* The record of a module; `gone` is the caller's to set. */
struct lmm_ledger_module *lmm_ledger_module(uint32_t number);

/* The record of a frame. */
const struct lmm_ledger_frame *lmm_ledger_frame(uint32_t number);

uint32_t lmm_ledger_module_count(void);

/* Frames so far, the one of number 0 among them. */
uint32_t lmm_ledger_frame_count(void);

/* Tells that the process is on the drop-in, and how many frames of a stack it keeps. */
void lmm_ledger_note_drop_in(uint32_t stack_frames);

/* Writes down what lives now, by site, as the highest use so far: `bytes` in all. */
void lmm_ledger_take_peak(uint64_t bytes);

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

/* The same for the owner's temporaries. */
bool lmm_ledger_grow_temporaries(uint32_t owner, uint32_t sites, struct lmm_temporaries *temporaries);

/* Adds delta to a row whose one writer the caller is. */
static inline void lmm_row_add(struct lmm_ledger_row *row, const struct lmm_ledger_row *delta)
{
    lmm_add_single_writer(&row->allocated_blocks, delta->allocated_blocks);
    lmm_add_single_writer(&row->freed_blocks, delta->freed_blocks);
    lmm_add_single_writer(&row->allocated_extra_slots, delta->allocated_extra_slots);
    lmm_add_single_writer(&row->freed_extra_slots, delta->freed_extra_slots);
}

/* Adds delta to the row of owner 0 for site. Never fails. */
void lmm_ledger_count_common(uint32_t site, const struct lmm_ledger_row *delta);

/* Add one half of a row to *sum. What is read later is higher: frees first for a sum that never lacks an
 * allocation, allocations first for one that never exceeds what lived. */
typedef void lmm_row_adder(const struct lmm_ledger_row *row, struct lmm_ledger_row *sum);
lmm_row_adder lmm_row_add_freed;
lmm_row_adder lmm_row_add_allocated;

/* The next owner's rows, and in *ret_capacity how many; NULL at the end. *position starts at 0. */
const struct lmm_ledger_row *lmm_ledger_next_rows_locked(size_t *position, uint32_t *ret_capacity);

/* The sum of all owners' counters for one site; freed is read before allocated. */
struct lmm_ledger_row lmm_ledger_sum_locked(uint32_t site);

/* Hold the chunks still; between the two, a view or sums can be read. */
void lmm_ledger_acquire(void);
void lmm_ledger_release(void);

/* The ledger as a reader sees it; valid until lmm_ledger_release(). */
struct lmm_ledger_view lmm_ledger_view_locked(void);

/* Around fork. In the child, lmm_ledger_after_fork_in_child() comes before lmm_ledger_after_fork(), and
 * before anything is counted. */
void lmm_ledger_before_fork(void);
void lmm_ledger_after_fork(void);
void lmm_ledger_after_fork_in_child(void);

#endif
