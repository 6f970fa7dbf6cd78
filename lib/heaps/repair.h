/* SPDX-License-Identifier: MIT */
/*
 * repair: makes the books consistent again in the forked child of a process with threads.
 *
 * The other threads were stopped anywhere in their fast paths, so only one thing is relied on:
 * whether a tag is LIVE. The caller is the only thread of the process and holds no lock.
 */
#ifndef LMM_REPAIR_H
#define LMM_REPAIR_H

/* Frees the runs that other threads had cached, then makes the live count of every site agree with
 * the tags. */
void lmm_repair_books(void);

#endif
