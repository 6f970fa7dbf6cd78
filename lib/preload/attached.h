/* SPDX-License-Identifier: MIT */
/*
 * attached: what the process calls instead of functions that only other mallocs have, after `lmm attach`: operators new and
 * delete, and those of jemalloc, tcmalloc and mimalloc that take or give a block (attach.c has libc's).
 *
 * A block of LMM never reaches the other malloc's functions, nor a block of that LMM's. What LMM cannot give, for
 * example a block of one of jemalloc's arenas, still comes from the other malloc; so does everything after a detach.
 *
 * Owns nothing but where their part of the exchange is. Locks: none.
 */
#ifndef LMM_PRELOAD_ATTACHED_H
#define LMM_PRELOAD_ATTACHED_H

#include "lib/ground/base.h"

#include <lmm/attach.h>

struct lmm_image; /* image.h */

/* Whether the process calls its own malloc again; atomic. Only attach.c changes it. */
extern bool lmm_attached_is_detached;

/* Whether p is a block of LMM, or was one. */
bool lmm_attached_is_own(const void *p);

/* Fills the exchange's functions that the module has, from `first` on, `room` of them; the functions here use them then.
 * resize: what the process calls as realloc. Returns how many it has filled; more than `room` do not fit. */
size_t lmm_attached_fill(const struct lmm_image *module, struct lmm_attach_function *first,
                         size_t room, void *(*resize)(void *p, size_t bytes));

#endif
