/* SPDX-License-Identifier: MIT */
/*
 * accounts: writes the process's books in the layout of <lmm/ledger.h>.
 *
 * Owns the records that say what is counted: strings, families with their gauges, sites, modules,
 * frames and stacks. Their memory, and the file, are chunks.h's; the counters rows.h's. LMM reads
 * the tables of sites and strings, so overwriting the file (only the user can) harms the process
 * like overwriting its memory.
 *
 * Invariants (tests/unit/lib/test_accounts.c; I3 by tests/ledger):
 *   I1  a record never moves and keeps its number; only the family added last can be dropped
 *   I2  the shared rows (rows.h) reach every site id handed out, so that a free can always be
 *       counted
 *   I3  a reader finds complete records at any moment: a change of several stores becomes visible
 *       by the last of them, so the books of a killed process need no repair
 * Locks: functions take LEDGER, unless the name ends in _locked; look-ups of records by number take
 * none (acquire). Not responsible for: what is a site, or when gauges change.
 */
#ifndef LMM_ACCOUNTS_H
#define LMM_ACCOUNTS_H

#include "lib/books/chunks.h"
#include "lib/books/rows.h"

#include <lmm/ledger.h>

/* Fills the header and creates the file, where the settings and the system allow one; call once,
 * before a thread counts. False with errno ENOMEM. */
bool lmm_accounts_start(void);

/* In a forked child (lmm_chunks_are_pending()): creates its file, unless another thread did
 * meanwhile. Call it before a thread counts in the child. */
void lmm_accounts_publish(void);

/* The process exits: the file is kept for readers when blocks live, in the drop-in when `keep`
 * is set; else it is removed. */
void lmm_accounts_end(bool keep);

/* Adds a family; its index is the count of families added before. flags: LMM_LEDGER_FAMILY_....
 * Returns the record, whose gauges the family writes, or NULL with errno ENOMEM. */
struct lmm_ledger_family *lmm_accounts_add_family(const char *name, size_t size, size_t align,
                                                  size_t stride, uint64_t flags);

/* Removes the family added last, when registering it failed later. */
void lmm_accounts_drop_family(void);

/* Tells that a family has one page more (sign 1) or less (-1), of so many bytes and slots. */
void lmm_accounts_count_page(struct lmm_ledger_family *record, int64_t sign, size_t bytes,
                             size_t slots);

/* Updates the header's figures of LMM's own memory. */
void lmm_accounts_note_memory(void);

/* Tells that so many bytes of the family's pages were touched, or, negative, given back. */
void lmm_accounts_count_committed(struct lmm_ledger_family *record, int64_t bytes);

/* Adds a site, and room for it in the shared rows. True and *ret_id, the count of sites before; or
 * false with errno ENOMEM. */
bool lmm_accounts_add_site(uint32_t family, uint32_t line, const char *file, const char *function,
                           uint32_t *ret_id);

/* As lmm_accounts_add_site() for a place known by its call stack, the number of a frame. */
bool lmm_accounts_add_stack_site(uint32_t family, uint32_t frame, uint32_t *ret_id);

/* Adds a frame; caller: the number of a frame, or 0; module: the number of a module + 1, or 0.
 * Returns its number, never 0; or 0 with errno ENOMEM. */
uint32_t lmm_accounts_add_frame(uint64_t address, uint32_t caller, uint32_t module);

/* Records that the caller of that frame was found by a guess. Without memory it is not recorded. */
void lmm_accounts_note_guess(uint32_t frame);

/* Adds a module with `path` as its path. True and *ret_number; or false with errno ENOMEM. */
bool lmm_accounts_add_module(const struct lmm_ledger_module *module, const char *path,
                             uint32_t *ret_number);

/* The record of a module; `gone` is the caller's to set. */
struct lmm_ledger_module *lmm_accounts_module(uint32_t number);

/* The path of a module; it is never freed. */
const char *lmm_accounts_module_path(uint32_t number);

/* The number of the innermost frame of a site's call stack; 0: the site has none. */
uint32_t lmm_accounts_site_stack(uint32_t id);

/* The record of a frame. */
const struct lmm_ledger_frame *lmm_accounts_frame(uint32_t number);

/* Number of modules so far. */
uint32_t lmm_accounts_module_count(void);

/* Tells that the process is on the drop-in, and how many frames of a stack it keeps. */
void lmm_accounts_note_drop_in(uint32_t stack_frames);

/* Tells that the process called another malloc until now, and that it calls that one again. */
void lmm_accounts_note_attach(void);
void lmm_accounts_note_detach(void);

/* Tells that the program calls the malloc of another module, with that path, and not LMM's. Does
 * nothing without memory for the path. */
void lmm_accounts_note_other_malloc(const char *path);

/* The same for an allocator beside LMM, which gives blocks by functions of its own. */
void lmm_accounts_note_linked_allocator(const char *path);

/* Keeps the program's own suppressions of leaks for readers. */
void lmm_accounts_note_suppressions(const char *lines);

/* Tells that LMM stops the program, with that message, cut where it is too long; and then where, the
 * number of a frame. One thread at a time, no lock. LMM has started. */
void lmm_accounts_note_panic(const char *message);
void lmm_accounts_note_panic_stack(uint32_t frame);

/*
 * Counts a process that this one started; tells that this process can tell its end (the drop-in), and
 * then how it ends. A child that has its parent's memory (vfork) counts as its parent's start and
 * tells no end. Any thread, no lock, async-signal-safe.
 */
void lmm_accounts_count_started(void);
void lmm_accounts_tell_exits(void);
void lmm_accounts_note_exit(enum lmm_ledger_exit kind, int status);

/* Adds a string, and gives its reference. The caller holds LEDGER. False with errno ENOMEM. */
bool lmm_accounts_add_text_locked(const char *text, uint32_t *ret_reference);

/* Records the live blocks by site as the peak, of `bytes` in total; LMM_PEAK_OF_SITES: of what the sites have.
 * Returns the bytes of the last peak. */
uint64_t lmm_accounts_take_peak(uint64_t bytes);

/* What a site is. id: handed out by lmm_accounts_add_site(). The strings are never freed. */
struct lmm_site_facts {
    uint32_t family;
    uint32_t line;
    const char *file;
    const char *function;
};
struct lmm_site_facts lmm_accounts_site_facts(uint32_t id);

/* Its family alone. */
uint32_t lmm_accounts_site_family(uint32_t id);

/* Number of sites and of families so far. */
uint32_t lmm_accounts_site_count(void);
uint32_t lmm_accounts_family_count(void);

#endif
