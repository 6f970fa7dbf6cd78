/* SPDX-License-Identifier: MIT */
/*
 * libc: the malloc of the C library that LMM stands in for, as far as anybody still reaches it.
 *
 * A module loaded with RTLD_DEEPBIND finds libc's functions before LMM's, and its blocks come here when
 * another module frees them. Owns nothing. The other way round, a block of LMM's in libc's hands, is kept
 * from happening (surroundings.c). Any thread.
 */
#ifndef LMM_PRELOAD_LIBC_H
#define LMM_PRELOAD_LIBC_H

#include "lib/ground/base.h"

/* Frees p by libc's malloc, when that was ever used; false when it never was, so that p is not its. */
bool lmm_libc_free(void *p);

/* True and *ret_bytes, what libc's malloc says of its block p; false when it was never used. */
bool lmm_libc_usable(const void *p, size_t *ret_bytes);

#endif
