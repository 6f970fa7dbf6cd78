/* SPDX-License-Identifier: MIT */
/*
 * site: ids for the places that allocate.
 *
 * A place is (family, file, line, function); the same place gets the same id from every static
 * record of it (an inline function in several modules, a module loaded twice). Ids are dense, start
 * at 0 and fill LMM_SITE_BITS bits; the last of them are kept for the families' "(other)" sites, to
 * which places go for which there is no id left.
 *
 * A site may have marks, for leak checks. Blocks that the program wants to be ignored are counted at
 * a site of their own, the ignored site of the place: it has the same place or call stack, so reports
 * by line show it with the others.
 *
 * Invariants (tests/unit/lib/test_site.c): I1 a site's family never changes. I2 lmm_site_next()
 * lists all sites of a family. I3 a site has at most one ignored site, which is its own.
 * Locks: SITES, inside; any thread. Not responsible for: counting.
 */
#ifndef LMM_SITE_H
#define LMM_SITE_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

#include <lmm/ledger.h>

enum {
    LMM_SITE_BITS = 20,
    LMM_SITE_NONE = (1 << LMM_SITE_BITS), /* no site; above every id */
};

_Static_assert((int) LMM_SITE_NONE == (int) LMM_LEDGER_MAX_SITES, "readers accept every id");
_Static_assert((int) LMM_SITE_NONE > (int) LMM_LEDGER_MAX_FAMILIES,
               "each family can have an \"(other)\" site");

/* A family's sites: a list by id. */
struct lmm_site_list {
    uint32_t first; /* LMM_SITE_NONE: empty; atomic */
    uint32_t other; /* the "(other)" site; LMM_SITE_NONE until needed; under SITES */
    uint32_t count; /* atomic */
};

#define LMM_SITE_LIST_EMPTY ((struct lmm_site_list) {LMM_SITE_NONE, LMM_SITE_NONE, 0})

/*
 * Finds or adds the place's id and puts a new one on its family's list. line 0: no place in the
 * source. Returns the id; LMM_SITE_NONE with errno ENOMEM.
 */
uint32_t lmm_site_intern(uint32_t family, struct lmm_site_list *list, const char *file,
                         uint32_t line, const char *function);

/*
 * Adds a site that is a call stack, by its innermost frame in the ledger. The caller (depot) has
 * checked that it is new. Returns the id; the "(other)" site's when there are no ids left, *ret_own
 * false then; LMM_SITE_NONE with errno ENOMEM.
 */
uint32_t lmm_site_add_stack(uint32_t family, struct lmm_site_list *list, uint32_t frame,
                            bool *ret_own);

enum {
    LMM_SITE_IGNORED = 1,      /* its blocks, and what they lead to, are no leaks */
    LMM_SITE_POINTER_FREE = 2, /* its blocks hold no pointers */
};

/* The marks of a site; 0: none. Relaxed; no lock; async-signal-safe. */
unsigned lmm_site_marks(uint32_t id);

/* Adds marks to a site. False with errno ENOMEM. */
bool lmm_site_mark(uint32_t id, unsigned marks);

/* The ignored site of the same place, made on first use; list: its family's. id itself when that is
 * one, or when there is no memory, or no id left. Preserves errno. O(1). */
uint32_t lmm_site_ignored(uint32_t id, struct lmm_site_list *list);

/* The site after id on its family's list, or LMM_SITE_NONE. */
uint32_t lmm_site_next(uint32_t id);

enum { LMM_SITE_ORIGIN_BYTES = 256 };

/* Says where a site allocates, for messages: "allocated at hr.c:42"; of a call stack, at which offset
 * of which module its innermost call is; else "unattributed". */
void lmm_site_origin(uint32_t id, char ret_text[LMM_SITE_ORIGIN_BYTES]);

/* For tests: places beyond this many get no id of their own. */
extern uint32_t lmm_site_own_ids;

/* SITES; exported for fork. */
extern struct lmm_lock lmm_sites_lock;

#endif
