/* SPDX-License-Identifier: MIT */
/*
 * libc: the C library's own malloc, for modules that use it although LMM has its names.
 *
 * A module that is loaded with RTLD_DEEPBIND finds libc's functions before LMM's. When another
 * module frees such a block, LMM gets it. (surroundings.c keeps LMM's blocks from being freed by
 * libc.) Owns nothing. Any thread may call these functions. Locks: libc's own.
 */
#ifndef LMM_PRELOAD_LIBC_H
#define LMM_PRELOAD_LIBC_H

#include "lib/ground/base.h"

/* Frees p with libc's free. False: libc's malloc was never used, so p is not its block. */
bool lmm_libc_free(void *p);

/* True and *ret_bytes, the usable bytes of libc's block p. False: libc's malloc was never used. */
bool lmm_libc_usable(const void *p, size_t *ret_bytes);

#endif
