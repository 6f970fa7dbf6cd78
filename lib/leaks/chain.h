/* SPDX-License-Identifier: MIT */
/*
 * chain: who holds a block: the pointers from a root to it, with the sites of the blocks between.
 *
 * Owns nothing. The threads stand still, or this is a copy of the process made while they did.
 * Async-signal-safe, takes no lock.
 * Not responsible for: how the chain is found (path), what a reader makes of addresses.
 */
#ifndef LMM_CHAIN_H
#define LMM_CHAIN_H

#include "lib/leaks/path.h"
#include "lib/leaks/roots.h"

enum { LMM_CHAIN_STEPS = 32 };

struct lmm_chain_link {
    struct lmm_path_step step;
    uint32_t to_site; /* of the block that the step leads to */
    size_t to_bytes;  /* of it, as reports count them */
};

struct lmm_chain {
    bool is_block; /* the address lies in a live block */
    size_t length; /* of the whole chain; 0: nothing leads to the block */
    int thread;    /* the root is its register, or on its stack; 0: of no thread that stood still */
    bool is_in_register;
    size_t count; /* of the links below: of a longer chain the first half and the last ones */
    struct lmm_chain_link links[LMM_CHAIN_STEPS];
};

/* Follows the pointers from the roots: makes a path, to be ended with lmm_path_end(). False with errno ENOMEM or
 * EOVERFLOW. */
bool lmm_chain_follow(const struct lmm_roots *roots, const struct lmm_marker_settings *settings,
                      struct lmm_path *ret_path);

/* Returns the thread whose register or stack the word of a root at address is, 0: of none that stood still. */
int lmm_chain_thread_of(const struct lmm_roots *roots, uintptr_t address, bool *ret_is_register);

/* Finds the chain to the block that holds address. settings: as for the marker of a check. 0, or
 * -errno. */
int lmm_chain_find(const struct lmm_roots *roots, const struct lmm_marker_settings *settings,
                   uintptr_t address, struct lmm_chain *ret_chain);

#endif
