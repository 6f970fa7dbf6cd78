/* SPDX-License-Identifier: MIT */
/* surroundings: what the drop-in changes in its process besides malloc; see surroundings.c. */
#ifndef LMM_PRELOAD_SURROUNDINGS_H
#define LMM_PRELOAD_SURROUNDINGS_H

/* Sets `environ` if it is NULL: the loader requests memory before libc has set it. */
void lmm_surroundings_find_environment(void);

/* Removes LMM's entry in LD_PRELOAD, and LMM_OPTIONS. Call once, while there is one thread. */
void lmm_surroundings_restore_environment(void);

#endif
