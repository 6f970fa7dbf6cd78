/* SPDX-License-Identifier: MIT */
/*
 * declared: memory that the program has declared to be roots (lmm_root_add()).
 *
 * Owns the table. Locks: REGISTRY, inside, which fork and checks hold; so the table is at rest then.
 */
#ifndef LMM_DECLARED_H
#define LMM_DECLARED_H

#include "lib/ground/base.h"

/* Adds [from, from + bytes); bytes is not 0, and the range does not wrap. The same range may be added
 * more than once. False with errno ENOMEM. */
bool lmm_declared_add(const void *from, size_t bytes);

/* Removes such a range once; false with errno ENOENT when there is none that begins and ends there. */
bool lmm_declared_remove(const void *from, size_t bytes);

/* Calls visit for each. The caller holds REGISTRY, or the process stands still. */
void lmm_declared_for_each(void (*visit)(uintptr_t from, uintptr_t to, void *arg), void *arg);

#endif
