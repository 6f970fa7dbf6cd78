/* SPDX-License-Identifier: MIT */
/*
 * arrival: whether the drop-in came with its process, or was loaded into one that ran already.
 *
 * One that comes later starts when lmm_attach() says so (attach.c), and never by itself: its options are that
 * function's argument, not the environment's, and nothing calls its malloc.
 *
 * Owns nothing. Locks: none; the dynamic loader's list is read by constructors alone, while dlopen holds the loader's lock.
 */
#ifndef LMM_PRELOAD_ARRIVAL_H
#define LMM_PRELOAD_ARRIVAL_H

#include "lib/ground/base.h"

/* Whether the loader has loaded libc before this library: what it preloads, and what a program is linked
 * with before libc, comes before libc. For constructors. */
bool lmm_arrival_is_late(void);

#endif
