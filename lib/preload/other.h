/* SPDX-License-Identifier: MIT */
/*
 * other: the other allocators of the process, whose blocks may reach LMM.
 *
 * libc's own malloc: a module that was loaded with RTLD_DEEPBIND may find libc's functions before
 * LMM's. (surroundings.c keeps LMM's blocks from being freed by libc.) An allocator that the
 * program is linked with: LMM has its malloc's names, but the program may call functions that only
 * this allocator has, such as jemalloc's mallocx, and then pass the block to free. LMM has no way to
 * ask which allocator a block is of. So a pointer that lies in no page of LMM is given to the
 * allocator that the program is linked with, if there is one, else to libc's if that was ever used.
 *
 * If the program has the name malloc itself, or a library that the loader searches before LMM, then
 * nothing calls LMM: the ledger says so, because its counts are not those of the program.
 *
 * Owns the addresses of their functions, looked up when the first such pointer comes; later ones cost
 * no look-up. Any thread may call these functions, with no lock of LMM held. Locks: the loader's at
 * first, and the other allocator's.
 */
#ifndef LMM_PRELOAD_OTHER_H
#define LMM_PRELOAD_OTHER_H

#include "lib/ground/base.h"

/* Frees p with the other allocator's free. False: p is in a page of LMM, or there is no other. */
bool lmm_other_free(void *p);

/* True and *ret_bytes, the usable bytes of the other allocator's block p. False: as above. */
bool lmm_other_usable(void *p, size_t *ret_bytes);

/* Makes these the functions of the other allocator, before the first look-up; free: NULL is never passed. */
void lmm_other_set(void (*release)(void *p), size_t (*usable)(void *p));

#endif
