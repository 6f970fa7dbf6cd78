/* SPDX-License-Identifier: MIT */
/* surroundings: what the drop-in changes in its process beside malloc; see the source's head. */
#ifndef LMM_PRELOAD_SURROUNDINGS_H
#define LMM_PRELOAD_SURROUNDINGS_H

/* Makes sure that the environment can be read: the loader asks for memory before libc has set it up. */
void lmm_surroundings_find_environment(void);

/* Takes LMM out of the environment: its entry in LD_PRELOAD, and LMM_OPTIONS. Call while there is one
 * thread. */
void lmm_surroundings_restore_environment(void);

#endif
