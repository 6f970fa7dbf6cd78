/* SPDX-License-Identifier: MIT */
/*
 * tools: tells memory checkers about blocks: AddressSanitizer (in builds for it), Valgrind (when
 * the process runs under it), and the fill option.
 *
 * While one is active the fast paths are closed, so only slow paths call these functions. Owns one
 * flag, set at start. Threads: the caller owns the block or page; nothing here takes a lock.
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

/* True when a tool must be told of every block, or the drop-in compares how they are freed (match=1). Changes after the start only when the program sets
 * or removes ALLOCATOR_SCRIBBLE; a thread may miss this until its next slow path. */
extern bool lmm_tools_active;

/* Finds out which tools watch; call when the options have been read, or the fill option changed. */
void lmm_tools_start(void);

/* In a forked child, before anything else of LMM. */
void lmm_tools_after_fork_in_child(void);

/* A page begins: its memory belongs to LMM and to no block. A page ends: LMM gives it up. */
void lmm_tools_page_begins(void *base, size_t bytes);
void lmm_tools_page_ends(void *base, size_t bytes);

/* A block begins; the caller zeroes it after this where it must be zero. */
void lmm_tools_block_begins(void *block, size_t bytes);

/* A block is about to end; LMM has not written to it yet. */
void lmm_tools_block_ends(void *block, size_t bytes);

/* A live block is about to become shorter. Or the shrink failed, and the block keeps its length
 * and contents. */
void lmm_tools_block_shrinks(void *block, size_t old_bytes, size_t bytes);
void lmm_tools_shrink_undone(void *block, size_t old_bytes, size_t bytes);

/* A live block has become longer. */
void lmm_tools_block_grows(void *block, size_t old_bytes, size_t bytes);

#endif
