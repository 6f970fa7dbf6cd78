/* SPDX-License-Identifier: MIT */
/* exec: with children=0, a program that this process becomes by exec still gets LMM; see exec.c. */
#ifndef LMM_PRELOAD_EXEC_H
#define LMM_PRELOAD_EXEC_H

/* From now on, exec in this process puts library (a path) into LD_PRELOAD, and options
 * ("LMM_OPTIONS=..." or NULL) into the environment. The caller keeps both strings until the process
 * ends. Call once, while there is one thread. */
void lmm_exec_follow(const char *library, const char *options);

#endif
