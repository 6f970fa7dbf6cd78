/* SPDX-License-Identifier: MIT */
/* exec: what the process becomes by exec stays on LMM; see the source's head. */
#ifndef LMM_PRELOAD_EXEC_H
#define LMM_PRELOAD_EXEC_H

/* From now on exec in this process puts `library` into LD_PRELOAD, and options, "LMM_OPTIONS=..." or NULL,
 * into the environment. Both stay the caller's and must last. */
void lmm_exec_follow(const char *library, const char *options);

#endif
