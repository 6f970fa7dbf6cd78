/* SPDX-License-Identifier: MIT */
/*
 * tools: what tools are told of blocks: AddressSanitizer (when built for it), Valgrind (when it runs
 * us), and the fill option.
 *
 * While any is active the fast paths are closed, so that they need not ask; the slow paths call these.
 * Owns one flag, set once at start.
 */
#ifndef LMM_TOOLS_H
#define LMM_TOOLS_H

#include "lib/ground/base.h"

#if defined(__SANITIZE_ADDRESS__)
#define LMM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LMM_ASAN 1
#endif
#endif
#ifndef LMM_ASAN
#define LMM_ASAN 0
#endif

/* True when some hook wants to see every block. */
extern bool lmm_tools_active;

/* Finds out which tools watch; call once the options are read. */
void lmm_tools_start(void);

/* In a forked child, before anything else of LMM. */
void lmm_tools_after_fork_in_child(void);

/* A page's memory is now LMM's to give out, and no block's; or LMM's no longer. */
void lmm_tools_page_begins(void *base, size_t bytes);
void lmm_tools_page_ends(void *base, size_t bytes);

/* A block begins; the caller zeroes it after this where it must be zero. */
void lmm_tools_block_begins(void *block, size_t bytes);

/* A block is about to end, still untouched by LMM. */
void lmm_tools_block_ends(void *block, size_t bytes);

/* A live block is about to be shorter; or it stayed as long as it was, contents and all. */
void lmm_tools_block_shrinks(void *block, size_t old_bytes, size_t bytes);
void lmm_tools_shrink_undone(void *block, size_t old_bytes, size_t bytes);

/* A live block is longer now. */
void lmm_tools_block_grows(void *block, size_t old_bytes, size_t bytes);

#endif
